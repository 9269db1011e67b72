// Package probe finds out whether a unit is ready, and whether it still
// lives: by http, tcp, grpc, exec, log, file and notify.
//
// A [Probe] belongs to one run of one process. Make it before the process
// starts, since a file probe begins to watch in [New] and a socket
// of notify is handed to the process; then call Ready, which blocks until the first success, and
// afterwards Live, which watches until its context ends; at last call Close.
//
//	New ──► Ready ──► first success ──► Live ──► report(err) … report(nil)
//	          │
//	          └──► *Error (deadline), or the context's cause
//
// What the package promises: looks of one probe never overlap; the eager
// looks of Ready come after 4 % of the time since the start, at least 1 ms
// and at most the interval; a look leaves no connection, process or
// goroutine behind; nothing that a unit answers or prints is quoted in an
// error, since it may hold a secret.
//
// Ready and Live work in their caller's goroutine. What probes share, one
// inotify instance ([Files]), the sockets of sd_notify ([Notifier]) and the
// places for exec probes ([Slots]), is handed in.
package probe
