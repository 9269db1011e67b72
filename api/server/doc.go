// Package server answers the control interface of a running engine.
//
// It promises that no client slows the engine, however slow, dead or
// malicious it is: connections, requests, streams and their time are
// bounded, the engine is asked one question at a time, and who does not read
// what he asked for is cut off. On the Unix socket only the engine's own
// user and root are answered, over TCP only who has the token; see
// access.go.
//
//	client ─► gate ─► access ─► route ─► handler ─► System, Operator, Journal
//	                                        │
//	                                        └─► stream ─► server-sent events
//
// routes.go has the table of all that there is. The description of the
// interface, [OpenAPI], is made of that table and of the types of package
// api.
package server
