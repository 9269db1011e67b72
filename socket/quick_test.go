package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// each tests both kinds of connections.
func each(t *testing.T, test func(t *testing.T, network string, quick, plain net.Conn)) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		t.Run(network, func(t *testing.T) {
			quick, plain := pair(t, network, address)
			test(t, network, quick, plain)
		})
	}
}

// pair returns the two ends of a connection, the first of them quick.
func pair(t *testing.T, network, address string) (quick, plain net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	plain, err = net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	quick, err = Listen(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = quick.Close(), plain.Close() })
	return quick, plain
}

// More passes than any buffer holds, both ways at once, and the end with it.
func TestEverythingPasses(t *testing.T) {
	each(t, everythingPasses)
}

func everythingPasses(t *testing.T, _ string, quick, plain net.Conn) {
	text := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	for _, c := range []net.Conn{quick, plain} {
		go func() {
			_, _ = WriteBoth(c, text[:len(text)/3], text[len(text)/3:])
			_ = c.(interface{ CloseWrite() error }).CloseWrite()
		}()
	}
	there := make(chan []byte, 1)
	go func() {
		got, _ := io.ReadAll(plain)
		there <- got
	}()
	if got, err := io.ReadAll(quick); err != nil || !bytes.Equal(got, text) {
		t.Errorf("read %d bytes of %d: %v", len(got), len(text), err)
	}
	if got := <-there; !bytes.Equal(got, text) {
		t.Errorf("wrote %d bytes of %d", len(got), len(text))
	}
}

func TestWaitsEnd(t *testing.T) {
	each(t, waitsEnd)
}

func waitsEnd(t *testing.T, network string, quick, _ net.Conn) {
	_ = quick.SetDeadline(time.Unix(1, 0))
	var b [1]byte
	if _, err := quick.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(err.Error(), "read "+network) {
		t.Errorf("after its deadline: %v", err)
	}
	if _, err := quick.Write(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(err.Error(), "write "+network) {
		t.Errorf("after its deadline: %v", err)
	}
	_ = quick.SetDeadline(time.Time{})
	failed := make(chan error, 1)
	go func() {
		_, err := quick.Read(b[:])
		failed <- err
	}()
	_ = quick.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestReset(t *testing.T) {
	quick, plain := pair(t, "tcp", "127.0.0.1:0")
	_ = plain.(*net.TCPConn).SetLinger(0)
	_ = plain.Close()
	var b [1]byte
	_, err := quick.Read(b[:])
	if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "read" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}
	if n, err := quick.Read(nil); n != 0 || err != nil {
		t.Errorf("nothing asked for: %d, %v", n, err)
	}
}
