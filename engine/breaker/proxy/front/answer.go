package front

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/socket"
)

// answer is the http.ResponseWriter of one call. It sends what net/http's
// would, in fewer pieces.
//
// The head is put into words when the handler says the status, but for what
// depends on the body, the beginning of which is gathered first.
type answer struct {
	conn   *conn
	req    *http.Request
	header http.Header

	status   int   // 0: not said yet
	length   int64 // as the handler says; -1: it does not
	written  int64
	typed    bool // it says of what kind the body is
	dated    bool
	begun    bool // the head is complete, in the buffer or sent
	chunked  bool
	trailers []string // announced
	last     atomic.Bool
	err      error // of the connection
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// What of a header the server says itself.
var (
	framing  = map[string]bool{"Connection": true, "Content-Length": true, "Transfer-Encoding": true}
	unchange = map[string]bool{"Connection": true, "Content-Length": true, "Transfer-Encoding": true, "Content-Type": true} // of a 304
)

// bodyless reports whether there is none behind the head (RFC 9110, section
// 6.4.1).
func (a *answer) bodyless() bool { return a.req.Method == http.MethodHead || !allowed(a.status) }

// allowed reports whether an answer of a status may have a body.
func allowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	switch {
	case a.status != 0:
		return
	case status >= 100 && status < 200:
		a.line(status)
		_ = a.header.WriteSubset(a.conn, framing)
		a.conn.out = append(a.conn.out, "\r\n"...)
		a.send(nil)
		return
	}
	a.status, a.length = status, -1
	if text := a.header["Content-Length"]; text != nil {
		if n, err := strconv.ParseUint(text[0], 10, 63); err == nil {
			a.length = int64(n)
		}
	}
	if c := a.header["Connection"]; c != nil && strings.EqualFold(c[0], "close") {
		a.last.Store(true)
	}
	_, a.typed = a.header["Content-Type"]
	a.typed = a.typed || a.header.Get("Content-Encoding") != ""
	_, a.dated = a.header["Date"]
	exclude := framing
	if status == http.StatusNotModified {
		exclude = unchange
	}
	for name := range a.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			exclude = a.withoutTrailers(exclude)
			a.chunked = true
			break
		}
	}
	for _, value := range a.header["Trailer"] {
		a.chunked = true
		for name := range strings.SplitSeq(value, ",") {
			a.trailers = append(a.trailers, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	a.line(status)
	_ = a.header.WriteSubset(a.conn, exclude)
}

// withoutTrailers adds to names those that stand for trailers.
func (a *answer) withoutTrailers(exclude map[string]bool) map[string]bool {
	all := map[string]bool{}
	for name := range exclude {
		all[name] = true
	}
	for name := range a.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			all[name] = true
		}
	}
	return all
}

// line puts the first line of an answer into the buffer.
func (a *answer) line(status int) {
	out := append(a.conn.out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(status), 10)
	text := http.StatusText(status)
	if text == "" {
		text = "status code " + strconv.Itoa(status)
	}
	a.conn.out = append(append(append(out, ' '), text...), "\r\n"...)
}

// begin completes the head, and puts behind it what was gathered of the body.
// next is what follows, where that is known.
func (a *answer) begin(next []byte, whole bool) {
	if a.begun {
		return
	}
	a.begun = true
	out, part := a.conn.out, a.conn.early
	look := part
	if len(look) == 0 {
		look = next
	}
	if !a.typed && len(look) > 0 && allowed(a.status) {
		out = append(append(append(out, "Content-Type: "...), http.DetectContentType(look)...), "\r\n"...)
	}
	if !a.dated {
		out = append(time.Now().UTC().AppendFormat(append(out, "Date: "...), http.TimeFormat), "\r\n"...)
	}
	if a.conn.server.closing.Load() {
		a.last.Store(true)
	}
	if a.last.Load() {
		out = append(out, "Connection: close\r\n"...)
	}
	switch {
	case !allowed(a.status):
		a.chunked = false
	case a.length >= 0:
		a.chunked = false
		out = append(strconv.AppendInt(append(out, "Content-Length: "...), a.length, 10), "\r\n"...)
	case whole && !a.chunked && (len(part) > 0 || a.req.Method != http.MethodHead):
		out = append(strconv.AppendInt(append(out, "Content-Length: "...), int64(len(part)), 10), "\r\n"...)
	case a.req.Method == http.MethodHead:
		a.chunked = false
	default:
		a.chunked = true
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	}
	a.conn.out = append(out, "\r\n"...)
	a.add(part)
	a.conn.early = part[:0]
}

// Write implements http.ResponseWriter.
func (a *answer) Write(part []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	switch {
	case a.err != nil:
		return 0, a.err
	case len(part) == 0:
		return 0, nil
	case !allowed(a.status):
		return 0, http.ErrBodyNotAllowed
	}
	a.written += int64(len(part))
	if a.length >= 0 && a.written > a.length {
		return 0, http.ErrContentLength
	}
	rest := part
	if early := &a.conn.early; !a.begun {
		if len(*early) > 0 || len(part) <= cap(*early) {
			n := min(cap(*early)-len(*early), len(part))
			*early, rest = append(*early, part[:n]...), part[n:]
			if len(rest) == 0 {
				return len(part), nil
			}
		}
		a.begin(rest, false)
	}
	a.add(rest)
	if a.err != nil {
		return 0, a.err
	}
	return len(part), nil
}

// add puts a part of the body into the buffer, or sends it where it does not
// fit.
func (a *answer) add(part []byte) {
	c := a.conn
	if len(part) == 0 || a.req.Method == http.MethodHead {
		return
	}
	if a.chunked {
		c.out = append(strconv.AppendInt(c.out, int64(len(part)), 16), "\r\n"...)
	}
	if len(c.out)+len(part) < cap(c.out)-len("\r\n") {
		c.out = append(c.out, part...)
	} else {
		a.send(part)
	}
	if a.chunked {
		c.out = append(c.out, "\r\n"...)
	}
}

// send writes what is in the buffer, and a part behind it. A client that does
// not take it is gone.
func (a *answer) send(part []byte) {
	c := a.conn
	switch {
	case a.err != nil:
	case len(part) > 0:
		_, a.err = socket.WriteBoth(c.Conn, c.out, part)
	case len(c.out) > 0:
		_, a.err = c.Conn.Write(c.out)
	}
	c.out = c.out[:0]
	if a.err != nil {
		c.cancel()
	}
}

// FlushError is what an http.ResponseController flushes by.
func (a *answer) FlushError() error {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	a.begin(nil, false)
	a.send(nil)
	return a.err
}

// Flush implements http.Flusher.
func (a *answer) Flush() { _ = a.FlushError() }

// SetWriteDeadline bounds what is still to be written of this answer, with
// which the connection ends.
func (a *answer) SetWriteDeadline(t time.Time) error {
	a.last.Store(true)
	return a.conn.SetWriteDeadline(t)
}

// finish ends the answer, and reports whether the connection may go on.
func (a *answer) finish() bool {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	a.begin(nil, true)
	if a.chunked {
		c := a.conn
		c.out = append(c.out, "0\r\n"...)
		for _, name := range a.trailers {
			a.trailer(name, a.header[name])
		}
		for name, values := range a.header {
			if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
				a.trailer(name, values)
			}
		}
		c.out = append(c.out, "\r\n"...)
	}
	a.send(nil)
	short := a.length >= 0 && a.written != a.length && !a.bodyless()
	return a.err == nil && !short && !a.last.Load()
}

func (a *answer) trailer(name string, values []string) {
	_ = http.Header{name: values}.Write(a.conn)
}
