// Package vigil is the waiting half of a guardian: the process that outlives
// a killed engine in order to end what that had started.
//
// A guardian is the engine's own program, started once more under another
// title. It has nothing to do for as long as the engine lives, and most of
// what the program sets up before main would lie in memory for nothing. So
// the wait takes place here, while this package is initialised: packages
// that are ready for it are initialised in the order of their import paths
// (the language says so), and nearly everything large needs packages that
// come later. The wait costs 0.8 MiB of memory of its own here, whatever else
// the program links; in main it would cost 1.7 MiB and more with each library.
//
//	started ──► waits ──a word: the engine ended in good order──► exits here
//	              └─────end of file: the engine is dead─────────► main, process.Guardian
//
// Meanwhile it is given descriptors to keep, one with a message each, and told
// to drop them: they are open for as long as somebody has them, so what the
// guardian has outlives its engine.
//
// It imports the least that it can; so must whoever changes it.
package vigil
