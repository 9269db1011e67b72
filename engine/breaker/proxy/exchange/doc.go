// Package exchange asks one HTTP/1.1 server on the goroutine of the caller.
//
// An [http.Transport] has two goroutines for each connection, since it has to
// serve whatever there is: bodies that are sent while the answer comes, other
// protocols, connections that other calls wait for. Each call then wakes
// three goroutines in turn, and where a program has little else to do, waking
// one takes longer than its work. A [Client] writes a request, with a body
// where that is short and there already, reads the answer, and that is all;
// what it does not do is an http.Transport's.
//
// Requests are put into words and answers read by net/http, by the same
// functions that http.Transport has for it.
package exchange
