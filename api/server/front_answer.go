package server

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/socket"
)

// desk is what attending to a connection takes.
type desk struct {
	in            []byte // a request that is longer is handed on
	out           []byte
	reads, writes deadline
	wide          bool // the connection has a buffer for long answers
}

// wideAnswer is longer than what the kernel takes at once if it is told nothing,
// in bytes: it has some 200 KB of room on Linux, and gives up to twice that.
const wideAnswer = 128 << 10

var desks = sync.Pool{New: func() any { return &desk{in: make([]byte, 1<<10), out: make([]byte, 0, 1<<10)} }}

// reset makes it ready for another connection.
func (d *desk) reset() { d.reads, d.writes, d.wide = deadline{}, deadline{}, false }

// deadline is one of a connection's, which is moved once a second at most.
type deadline struct{ at time.Time }

// due reports whether a deadline has to be moved so that it is no less than
// some time away, and to when.
func (d *deadline) due(wait time.Duration) bool {
	now := time.Now()
	if d.at.Sub(now) >= wait {
		return false
	}
	d.at = now.Add(wait + time.Second)
	return true
}

// answer tells how everything is; ok is false where it cannot tell and has not
// written anything.
func (f *front) answer(conn *admitted, d *desk, last bool) (ok bool, err error) {
	head, rest, err := f.status()
	if err != nil {
		return false, nil
	}
	d.compose(head, rest, last)
	if d.writes.due(sendTimeout) {
		_ = conn.SetWriteDeadline(d.writes.at)
	}
	if err := f.open.Err(); err != nil { // see attend
		return true, err
	}
	d.widen(conn, rest)
	_, err = socket.WriteBoth(conn.Conn, d.out, rest)
	return true, err
}

// compose writes an answer up to its last part.
func (d *desk) compose(head, rest []byte, last bool) {
	out := append(d.out[:0], "HTTP/1.1 200 OK\r\nContent-Type: "+jsonType+"\r\nCache-Control: no-store\r\nDate: "...)
	out = time.Now().UTC().AppendFormat(out, http.TimeFormat)
	if last {
		out = append(out, "\r\nConnection: close"...)
	}
	out = append(out, "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(head)+len(rest)), 10)
	d.out = append(append(out, "\r\n\r\n"...), head...)
}

// widen gives a connection room for a long answer.
func (d *desk) widen(conn *admitted, rest []byte) {
	if whole := len(d.out) + len(rest); whole > wideAnswer && !d.wide {
		d.wide = true
		if c, ok := conn.Conn.(interface{ SetWriteBuffer(int) error }); ok {
			_ = c.SetWriteBuffer(whole) // without it takes another call
		}
	}
}

// statusRequest is a request for the status without anything special about it.
type statusRequest struct {
	length int
	last   bool // of its connection
}

// plainStatus reads such a request, which is to be there as a whole. Of all
// that a request may have it knows what clients send who ask for no more than
// this: whatever else there is, and whatever is wrong, is for net/http.
func plainStatus(text []byte) (q statusRequest, ok bool) {
	rest, ok := bytes.CutPrefix(text, []byte("GET "+api.PathStatus+" HTTP/1.1\r\n"))
	for hosts := 0; ok; {
		var line []byte
		if line, rest, ok = bytes.Cut(rest, []byte("\r\n")); !ok {
			break
		}
		if len(line) == 0 {
			q.length = len(text) - len(rest)
			return q, hosts == 1
		}
		name, value, named := bytes.Cut(line, []byte(": "))
		if !named || !printable(value) {
			break
		}
		switch strings.ToLower(string(name)) {
		case "host":
			if hosts++; !simpleHost(value) {
				return q, false
			}
		case "connection":
			switch strings.ToLower(string(value)) {
			case "close":
				q.last = true
			case "keep-alive":
			default:
				return q, false
			}
		case "user-agent", "accept", "accept-encoding", "accept-language", "cache-control", "pragma":
		default:
			return q, false
		}
	}
	return q, false
}

// printable reports whether a value holds no control characters, and nothing
// beyond ASCII.
func printable(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// simpleHost reports whether a host is one that needs no look at its form.
func simpleHost(value []byte) bool {
	for _, c := range value {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '.' && c != ':' && c != '-' {
			return false
		}
	}
	return len(value) > 0
}
