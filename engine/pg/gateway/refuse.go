package gateway

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// The SQLSTATEs that the gateway answers with itself. Drivers decide by them
// whether to try again.
const (
	cannotConnectNow  = "57P03"
	adminShutdown     = "57P01"
	tooManyConns      = "53300"
	connectionFailure = "08006"
	protocolViolation = "08P01"
	notSupported      = "0A000"
)

// refusal is a FATAL error that the gateway ends a session with.
type refusal struct {
	state   string
	message string
	hint    string
}

// Error implements error.
func (r *refusal) Error() string { return r.message + " (SQLSTATE " + r.state + ")" }

func (r *refusal) encode() []byte {
	m := pgproto3.ErrorResponse{
		Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: r.state,
		Message: r.message, Hint: r.hint, Routine: "gateway",
	}
	b, err := m.Encode(nil)
	if err != nil { // only one that is too long
		return nil
	}
	return b
}

// sendTimeout bounds telling a client why it is refused.
const sendTimeout = 5 * time.Second

// send tells the client, and waits a little until it has read that: closing
// at once what the client has still sent to would take the answer back.
func (r *refusal) send(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(sendTimeout))
	if _, err := conn.Write(r.encode()); err != nil {
		return
	}
	linger(conn)
}

// lingerTime is how long a client may take to read the end of what it gets.
const lingerTime = time.Second

// linger ends a connection so that what was sent arrives: TCP forgets it
// where something unread is left at this side.
func linger(conn net.Conn) {
	closeWrite(conn)
	_ = conn.SetReadDeadline(time.Now().Add(lingerTime))
	discard(conn)
}

// discard reads until nothing comes any more.
func discard(conn net.Conn) {
	b := make([]byte, 512)
	for {
		if _, err := conn.Read(b); err != nil {
			return
		}
	}
}

// unreachable is the refusal of a client whose server cannot be reached.
func unreachable(err error) *refusal {
	return &refusal{
		cannotConnectNow, "the gateway cannot reach the database server: " + reason(err),
		"The server may be starting or restarting: try again in a moment.",
	}
}

// reason is the innermost text of a failed connection, without the address
// of a machine, which is nobody's business at the other side.
func reason(err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 0 {
		var texts []string
		for _, e := range joined.Unwrap() {
			texts = append(texts, reason(e))
		}
		return strings.Join(texts, "; ")
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return "no answer in time"
	}
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		return e.Error()
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
