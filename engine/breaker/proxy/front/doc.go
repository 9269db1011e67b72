// Package front serves plain HTTP/1.1 requests on the goroutine of their
// connection, and hands all else on to net/http.
//
// For each request net/http starts a goroutine that waits for the client to
// go away, wakes it when the answer is there, and moves several deadlines.
// Where a program does little else than forward, that takes longer than
// forwarding. A [Server] learns of clients that go away from one epoll(7) for
// all of them, and has its handler answer where the request was read:
//
//	connection ─► whole and plain? ─yes─► handler ─► answer in one write
//	                    │ no                           │
//	                    ▼                              └─► next request
//	            net/http, with what was read, for the rest of the connection
//
// Plain is a request of HTTP/1.1 whose head is well-formed beyond doubt, and
// which has arrived as a whole: no Upgrade, Expect or Transfer-Encoding, no
// options of the connection but close and keep-alive, no trailers, and not
// longer than 4 KiB. Whatever is wrong with a request is so for
// net/http to say. Where there is no epoll, that has everything.
package front
