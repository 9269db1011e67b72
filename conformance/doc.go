// Package conformance runs other projects' clients and servers through
// syndicate: gRPC's public interop tests, h2spec's cases of HTTP/2, a
// WebSocket server, and what clients may say to one, through a breaker; pgx's
// test suites through the gateway. It is a module of its own, so that nobody
// who builds syndicate downloads them:
//
//	make conformance
package conformance
