package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"golang.org/x/sys/unix"
)

// echoing is a server of nothing but a session's beginning. The first
// connection is handed over behind that.
func echoing(t *testing.T) (url string, session <-chan *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan *net.TCPConn, 1)
	go func() {
		defer close(begun)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _, _ = readHello(conn)
		out, _ := (&pgproto3.AuthenticationOk{}).Encode(nil)
		out, _ = (&pgproto3.ReadyForQuery{TxStatus: 'I'}).Encode(out)
		_, _ = conn.Write(out)
		begun <- conn.(*net.TCPConn)
	}()
	t.Cleanup(func() {
		_ = l.Close()
		for conn := range begun {
			_ = conn.Close()
		}
	})
	return "postgres://app@" + l.Addr().String() + "/app?sslmode=disable", begun
}

// carried returns how many sessions are carried by a loop.
func (x *gate) carried() (n int) {
	for _, l := range x.loops {
		n += int(l.carried.Load())
	}
	return n
}

// copyData is more than all buffers between two ends hold, in messages that
// are no multiple of any of these.
func copyData(t *testing.T) []byte {
	t.Helper()
	var b []byte
	for n := range 160 {
		var err error
		if b, err = (&pgproto3.CopyData{Data: bytes.Repeat([]byte{byte(n)}, 99_991)}).Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// Both sides say more than there is room for, and hear all of it; and the
// session is carried on.
func TestStallsPass(t *testing.T) {
	url, session := echoing(t)
	x := open(t, url, nil)
	client, in := raw(t, x, param{"user", "app"})
	server := <-session
	defer server.Close()
	eventually(t, "it is carried", func() bool { return x.carried() == 1 })
	data := copyData(t)
	sent := make(chan error, 2)
	for _, conn := range []net.Conn{client, server} {
		go func() { // nobody reads until all room is taken
			_, err := conn.Write(data[:len(data)-1])
			sent <- err
		}()
	}
	for _, from := range []io.Reader{server, in} {
		got := make([]byte, len(data)-1)
		if _, err := io.ReadFull(from, got); err != nil || !bytes.Equal(got, data[:len(data)-1]) {
			t.Errorf("what arrives is not what was sent: %v", err)
		}
	}
	for range cap(sent) {
		if err := <-sent; err != nil {
			t.Error(err)
		}
	}
	if n := x.carried(); n != 1 {
		t.Errorf("%d sessions are carried", n)
	}
}

// A client that has said everything and hangs up is heard to its end, by a
// server that takes its time; and so is a server.
func TestTheLastWordPasses(t *testing.T) {
	data := copyData(t)
	for _, who := range []string{"client", "server"} {
		t.Run(who, func(t *testing.T) {
			url, session := echoing(t)
			x := open(t, url, nil)
			client, in := raw(t, x, param{"user", "app"})
			server := <-session
			defer server.Close()
			eventually(t, "it is carried", func() bool { return x.carried() == 1 })
			says, hears := client.(*net.TCPConn), io.Reader(server)
			if who == "server" {
				says, hears = server, in
			}
			sent := make(chan error, 1)
			go func() {
				_, err := says.Write(data)
				_ = says.CloseWrite()
				sent <- err
			}()
			got := make([]byte, len(data))
			n, err := io.ReadFull(hears, got[:1])
			if err != nil || n != 1 {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(hears, got[1:]); err != nil || !bytes.Equal(got, data) {
				t.Errorf("what arrives is not what was sent: %v", err)
			}
			if n, err := hears.Read(got); who == "client" && (n != 0 || err != io.EOF) {
				t.Errorf("after that come %d bytes, %v", n, err)
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
			eventually(t, "it is not carried", func() bool { return x.carried() == 0 })
		})
	}
}

// At the end a loop lets go of what it carries: an idle session is told, and
// one that is not goes on until the hurry.
func TestLoopsEnd(t *testing.T) {
	url, session := echoing(t)
	x := open(t, url, nil)
	client, in := raw(t, x, param{"user", "app"})
	server := <-session
	defer server.Close()
	eventually(t, "it is carried", func() bool { return x.carried() == 1 })
	query, _ := (&pgproto3.Query{String: "select"}).Encode(nil)
	if _, err := client.Write(query); err != nil {
		t.Fatal(err)
	}
	if kind, _, err := readMessage(server); kind != 'Q' || err != nil {
		t.Fatal(kind, err)
	}
	x.stop()
	eventually(t, "it is let go of", func() bool { return x.carried() == 0 })
	// In the hands of two goroutines it goes on.
	ready, _ := (&pgproto3.ReadyForQuery{TxStatus: 'T'}).Encode(nil)
	_, _ = server.Write(ready)
	if kind, _, err := readMessage(in); kind != 'Z' || err != nil {
		t.Fatal(kind, err)
	}
	_, _ = client.Write(query)
	if kind, _, err := readMessage(server); kind != 'Q' || err != nil {
		t.Fatal(kind, err)
	}
	ready, _ = (&pgproto3.ReadyForQuery{TxStatus: 'I'}).Encode(nil)
	_, _ = server.Write(ready)
	if state, _ := end(t, in); state != adminShutdown {
		t.Errorf("it was told %q", state)
	}
	<-x.done
}

// A loop is of one gateway: what carries nothing any more ends with it.
func TestKilledSessionsAreLetGo(t *testing.T) {
	url, session := echoing(t)
	x := open(t, url, nil)
	client, in := raw(t, x, param{"user", "app"})
	server := <-session
	defer server.Close()
	eventually(t, "it is carried", func() bool { return x.carried() == 1 })
	query, _ := (&pgproto3.Query{String: "select"}).Encode(nil)
	_, _ = client.Write(query)
	if kind, _, err := readMessage(server); kind != 'Q' || err != nil {
		t.Fatal(kind, err)
	}
	x.end()
	if _, err := io.ReadAll(in); err != nil && !isReset(err) {
		t.Error(err)
	}
	if _, err := io.ReadAll(server); err != nil && !isReset(err) {
		t.Error(err)
	}
	if n := x.Snapshot().Connections; n != 0 || context.Cause(x.killed) != errStopping {
		t.Errorf("%d connections are left", n)
	}
}

// A session that is released before the loop has it is not kept by the loop,
// which would be woken by all that others read from it.
func TestALoopDoesNotTakeWhatWasReleased(t *testing.T) {
	l := startLoop()
	if l == nil {
		t.Fatal("the kernel gives no loop")
	}
	defer l.end()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = unix.Close(pair[0]), unix.Close(pair[1]) }()
	c := &carriage{loop: l, left: make(chan struct{})}
	c.client = side{fd: pair[0], of: c, other: &c.server}
	c.server = side{fd: pair[1], of: c, other: &c.client}
	c.release()
	<-c.left
	l.carry(c)
	l.mu.Lock()
	sides := len(l.sides)
	l.mu.Unlock()
	if n := l.carried.Load(); n != 0 || sides != 0 {
		t.Errorf("it counts %d sessions, and watches %d connections", n, sides)
	}
}

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
