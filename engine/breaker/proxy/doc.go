// Package proxy puts a circuit breaker between a client and what it calls:
// the client talks to the proxy, which asks a [breaker.Guard] for each call,
// forwards it and tells the guard how it went.
//
// [HTTP] forwards HTTP/1.1, h2c with gRPC, WebSockets and every kind of
// stream as they come, and answers by itself where it may not or cannot:
//
//	                       ┌── retry ─┐
//	                       ▼          │
//	client ─► limit ──► guard ─► upstream ─► client
//	            │ full     │ open     │ failed, no answer in time
//	            └──────────┴──────────┴─► fallbacks in order ─► problem (RFC 9457)
//
// Plain requests over HTTP/1.1 come by way of package front, all others by
// net/http's server; those without a body, and plain ones with a short one, go
// upstream by package exchange, all others by net/http's transport.
//
// [Rules] say what is expected of a call and done for it; a [Route] has its
// own. A [Retry] is within a budget, and every attempt asks the guard.
//
// [TCP] forwards connections, by package relay.
//
// A failure counts the moment it is seen; a success at the end of the answer,
// so that streams which break off do not pass for one. A client that hangs up
// tells nothing about the upstream, nor does a connection that was kept open
// and closed by the other side just as a call came.
package proxy
