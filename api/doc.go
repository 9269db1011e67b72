// Package api is the wire of the control interface: what a running engine
// tells and can be asked, as versioned JSON over HTTP. It is answered on a
// Unix socket in the state directory, for the engine's own user and root,
// and where syndicate.http is declared over TCP, for who has the token.
//
//	GET  /healthz          → Health          the engine answers
//	GET  /readyz           → Health          503 with the reason until the system is ready
//	GET  /metrics          → text            for Prometheus
//	GET  /login            → a page      lets the browser in that follows a link
//	POST /v1/logins        → Login           such a link
//	GET  /v1/openapi.json  → this interface, described
//	GET  /v1/status        → Status          a snapshot of the system
//	GET  /v1/units         → what runs, as plan compares with it
//	GET  /v1/questions     → what the last configuration asked of the world
//	GET  /v1/events        → Event…          the journal, then what happens
//	GET  /v1/logs          → LogLine…        what units wrote, then what they write
//	POST /v1/apply         bundle → Progress…
//	POST /v1/commands      CommandRequest → Progress…
//	POST /v1/down          DownRequest → DownProgress…
//
// What ends in "…" is a stream of server-sent events: the data of each is
// one JSON object. A comment comes when nothing else did for [Heartbeat], so
// that both ends know of each other. An event of the type "problem" is the
// last one of a stream that went wrong, and "end" the last one of a stream
// that is complete; a stream without either was cut off, since the engine
// ended or since its reader was too slow. A stream of events can be taken up
// again with Last-Event-ID or since.
//
// Every answer has a "format_version", and a stream's one is that of the
// header Syndicate-Format-Version. Its first number changes when a
// reader of the old form would go wrong; readers ignore fields that they do
// not know. Times are RFC 3339, spans are numbers of seconds in fields named
// so. An error is a [Problem] with a status of 400 or more.
package api
