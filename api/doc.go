// Package api is the wire of the control interface: what a running engine
// tells and can be asked, as versioned JSON over HTTP on a Unix socket in the
// state directory.
//
//	GET  /v1/healthz   → Healthz      the engine answers
//	GET  /v1/status    → Status       a snapshot of the system
//	POST /v1/down      DownRequest → DownProgress…   one JSON object per line
//
// Every answer has a "format_version". Its first number changes when a
// reader of the old form would go wrong; readers ignore fields that they do
// not know. Times are RFC 3339, spans are numbers of seconds in fields named
// so. An error is a [Problem] with a status of 400 or more.
package api
