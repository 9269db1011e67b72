// Package roundtrip proves that migrations can be undone. On databases that
// are made for it and dropped again, each file goes up, down, and up once
// more, and the schema is compared each time: a down that leaves something
// behind, or takes too much, is found before anybody needs it.
//
//	S₀ ──up 1──► S₁ ──down 1──► S₀′ ──up 1──► S₁′ ──up 2──► …
//	                            = S₀?          = S₁?
//
// At the end all of them go down, one after another. A file whose way back
// fails does not hide the ones after it: the database is rebuilt as it was
// after the file, from a copy of an earlier state.
package roundtrip
