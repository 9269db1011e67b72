package relay

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// descriptors is how many this process has.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// Nothing is left of a relay, nor of connections that broke off in the midst
// of much.
func TestDescriptorsAreClosed(t *testing.T) {
	warm, far := connected(t) // Go's poller has some of its own from here on
	_, _ = warm.Close(), far.Close()
	before := descriptors(t)
	a, b := Open(), Open()
	f := start(t, a.Forward)
	ended := stuffed(t, f.up)
	reset(f.client)
	<-ended
	f.end()
	a.Close()
	f = start(t, b.Forward)
	_, _ = f.up.Write([]byte("x"))
	if n, err := io.ReadFull(f.client, make([]byte, 1)); n != 1 {
		t.Errorf("the other relay has ended: %v", err)
	}
	f.end()
	b.Close()
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// A client that has sent everything, and is gone before its answer, is seen to
// be.
func TestResetAfterTheEnd(t *testing.T) {
	r := Open()
	defer r.Close()
	f := start(t, r.Forward)
	_ = f.client.CloseWrite()
	if _, err := f.up.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	reset(f.client)
	<-f.over
	// A read would say EOF again.
	if _, err := f.up.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("upstream sees %v", err)
	}
	f.end()
}

// Where there is no loop, connections are forwarded all the same.
func TestNoLoop(t *testing.T) {
	f := start(t, (&Relay{}).Forward)
	_, _ = f.up.Write([]byte("x"))
	if n, err := io.ReadFull(f.client, make([]byte, 1)); n != 1 {
		t.Error(err)
	}
	f.end()
}

// What follows urgent data is not waited for, though a read stops before it.
// The urgent byte itself is lost, as it is to all that do not ask for it.
func TestUrgentData(t *testing.T) {
	r := Open()
	defer r.Close()
	f := start(t, r.Forward)
	defer f.end()
	raw, err := f.client.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	// All at once, so that the first read meets it.
	if err := raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1)
		_, err = unix.Write(int(fd), []byte("ab"))
		err = errors.Join(err, unix.Sendto(int(fd), []byte("!"), unix.MSG_OOB, nil))
		_, err2 := unix.Write(int(fd), []byte("cd"))
		err = errors.Join(err, err2, unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 0))
	}); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(f.up, got); err != nil || string(got) != "abcd" {
		t.Errorf("upstream got %q, %v", got, err)
	}
}
