package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// raw begins a session with bytes, and hands over what reads its answers.
func raw(t *testing.T, x *gate, params ...param) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", x.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(soon))
	_, _ = conn.Write(startup{version: 3 << 16, params: params}.encode())
	in := bufio.NewReader(conn)
	for {
		switch kind, body, err := readMessage(in); {
		case err != nil || kind == 'E':
			t.Fatalf("no session: %q, %v", body, err)
		case kind == 'Z':
			return conn, in
		}
	}
}

// end is how a session that was told nothing or an error ended.
func end(t *testing.T, in io.Reader) (state, message string) {
	t.Helper()
	for {
		kind, body, err := readMessage(in)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return "", ""
		case err != nil:
			t.Fatal(err)
		case kind == 'E':
			var e pgproto3.ErrorResponse
			if err := e.Decode(body); err != nil {
				t.Fatal(err)
			}
			return e.Code, e.Severity + " " + e.Message
		}
	}
}

// A server that vanishes, and one that hangs up amid an answer, are no secret
// to the client: it learns what has happened to its query, and the guard does.
func TestLostServers(t *testing.T) {
	query := append([]byte{'Q', 0, 0, 0x30, 0}, make([]byte, 0x30_00-4)...)
	copy(query[5:], "select 1 --")
	row := []byte{'D', 0, 0, 0, 6, 0, 0}
	for name, test := range map[string]struct {
		sent   []byte
		server func(t *testing.T, conn *net.TCPConn)
		state  string
		why    string
		counts int
	}{
		// Nobody reads: with so small a window that is a network without an end.
		"no acknowledgement": {query, func(*testing.T, *net.TCPConn) {}, "08006", "no answer in time", 1},
		"hangs up": {query, func(t *testing.T, conn *net.TCPConn) {
			_, _ = io.CopyN(io.Discard, conn, int64(len(query)))
			_, _ = conn.Write(row)
			_ = conn.Close()
		}, "08006", "the server closed it", 1},
		"resets": {query, func(t *testing.T, conn *net.TCPConn) {
			_, _ = io.CopyN(io.Discard, conn, int64(len(query)))
			_ = conn.SetLinger(0)
			_ = conn.Close()
		}, "08006", "connection reset by peer", 1},
		"amid a message": {query, func(t *testing.T, conn *net.TCPConn) {
			_, _ = io.CopyN(io.Discard, conn, int64(len(query)))
			_, _ = conn.Write(row[:6])
			_ = conn.Close()
		}, "", "", 1},
		"said why": {query, func(t *testing.T, conn *net.TCPConn) {
			_, _ = io.CopyN(io.Discard, conn, int64(len(query)))
			b, _ := (&pgproto3.ErrorResponse{SeverityUnlocalized: "FATAL", Code: "57P01"}).Encode(nil)
			_, _ = conn.Write(b)
			_ = conn.Close()
		}, "57P01", "", 1},
		"while nothing is asked": {nil, func(t *testing.T, conn *net.TCPConn) { _ = conn.Close() }, "", "", 0},
		"after a goodbye": {append(query, 'X', 0, 0, 0, 4), func(t *testing.T, conn *net.TCPConn) {
			_, _ = io.CopyN(io.Discard, conn, int64(len(query)+5))
			_ = conn.Close()
		}, "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			small := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
				return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1) })
			}}
			l, err := small.Listen(context.Background(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			defer func() { _ = l.Close(); <-ended }()
			over := make(chan struct{})
			go func() {
				defer close(ended)
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _, _ = readHello(conn)
				out, _ := (&pgproto3.AuthenticationOk{}).Encode(nil)
				out, _ = (&pgproto3.ReadyForQuery{TxStatus: 'I'}).Encode(out)
				_, _ = conn.Write(out)
				test.server(t, conn.(*net.TCPConn))
				<-over
			}()
			defer close(over)
			w := &witness{}
			x := open(t, "postgres://app@"+l.Addr().String()+"/app?sslmode=disable&tcp_user_timeout=200", func(c *Config) { c.Guard = w })
			conn, in := raw(t, x, param{"user", "app"})
			_, _ = conn.Write(test.sent)
			state, message := end(t, in)
			if state != test.state || !strings.Contains(message, test.why) {
				t.Errorf("the client was told %s %q", state, message)
			}
			eventually(t, "it counts", func() bool { return w.outcomes() == [3]int{1, test.counts, 0} })
		})
	}
}

// A client that vanishes leaves nothing behind: what the kernel gives up is no
// deadline of ours.
func TestOverdue(t *testing.T) {
	if isOverdue(syscall.ETIMEDOUT) || isOverdue(&net.OpError{Err: syscall.ETIMEDOUT}) {
		t.Error("a connection that the kernel gave up passes for one that has to look around")
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	_ = a.SetReadDeadline(time.Unix(1, 0))
	if _, err := a.Read(make([]byte, 1)); !isOverdue(err) {
		t.Error(err)
	}
}

// A server that takes nothing in, amid a COPY, has not vanished.
func TestPatienceWithBusyServers(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to)+"&tcp_user_timeout=7000", nil)
	conn, in := raw(t, x, param{"user", to.User}, param{"database", to.Database})
	bound := func() (got int) {
		x.mu.Lock()
		defer x.mu.Unlock()
		for s := range x.sessions {
			s.mu.Lock()
			_ = s.patience.conn.Control(func(fd uintptr) { got, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) })
			s.mu.Unlock()
		}
		return got
	}
	send := func(m pgproto3.FrontendMessage) {
		b, err := m.Encode(nil)
		if err == nil {
			_, err = conn.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	until := func(kind byte) {
		for got := byte(0); got != kind; {
			var err error
			if got, _, err = readMessage(in); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(&pgproto3.Query{String: "create temp table a (t text)"})
	until('Z')
	if got := bound(); got != 7000 {
		t.Fatalf("the bound is %d", got)
	}
	send(&pgproto3.Query{String: "copy a from stdin"})
	until('G')
	send(&pgproto3.CopyData{Data: []byte(strings.Repeat("x", 2*roomy) + "\n")})
	eventually(t, "the bound is off", func() bool { return bound() == 0 })
	send(&pgproto3.CopyDone{})
	until('Z')
	if got := bound(); got != 7000 {
		t.Errorf("afterwards the bound is %d", got)
	}
}
