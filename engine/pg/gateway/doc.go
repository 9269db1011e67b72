// Package gateway is the listener that services reach a PostgreSQL server
// through. One session of a client is one connection to the server for as
// long as it lasts: session mode, in which everything of the protocol works
// as it does without a gateway.
//
//	client ─► hello ─► breaker ─► slot or queue ─► dial ─► startup ─► loop, or pump ⇄ pump
//	            │         │             │            │        │
//	          cancel   57P03         53300        57P03    the server's own answer
//
// Of the bytes that pass, the gateway changes two things, both while a
// session starts: the time limit that it adds to the startup packet, and a
// login that is bound to another connection than the server's. There it logs
// in itself, as the one user whose password it knows, and for others takes
// the offer to bind out. From then on each direction is copied as it comes,
// and only the headers of its messages are looked at. What it says itself is
// a refusal before a session, and at its end that the gateway stops or that
// the server has gone without a word.
//
// On Linux a loop over epoll(7) carries sessions without TLS while there is
// nothing but bytes to move, many on one goroutine. Whatever has to be decided
// is left to the session's own two goroutines, which take it over then: its
// end, an error, the end of the gateway. Elsewhere, and with TLS, they have it
// from the start.
//
// Where the server's URL asks for a kind of server among several, it asks
// them before it sends a session to one.
//
// Everything has a bound: the connections to the server, those who wait for
// one and for how long, the memory of a session (a buffer for each direction,
// while there is something in it where a loop carries it, and what is kept of
// its statements), the statements that are told apart. A client that reads
// slowly slows the server down and fills nothing here.
//
// The protocol is that of PostgreSQL's manual, "Frontend/Backend Protocol",
// versions 3.0 to 3.2; the packets before it (SSLRequest, GSSENCRequest,
// CancelRequest, direct TLS with ALPN "postgresql") included.
package gateway
