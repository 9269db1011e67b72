// Package handover passes listening sockets on from one process to the next,
// so that an address is never without a listener while programs change:
// whoever connects meanwhile waits in the kernel's queue.
//
// A socket listens for as long as any process has it open. Between two lives
// of an engine that is either a keeper, a process that outlives the first one
// and gives what it kept to the second (Keep and Ask), or the service manager,
// which passes sockets when it starts a program (Passed).
//
// A keeper is reached at a Unix socket in the state directory, for its owner
// alone. The engine opens it, so that there is no moment at which it is dead
// and nobody is to be asked yet. What goes over it:
//
//	heir connects ──► keeper sends each socket with its name ──► and an end
//	              ◄── one byte: they are mine ──► the keeper is done
//	              ◄── hangs up: it was only asked ──► the keeper goes on
package handover
