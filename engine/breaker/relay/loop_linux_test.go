package relay

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

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
	// Those that Go keeps for splicing go as it collects them.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	before := descriptors(t)
	a, b := Open(), Open()
	f := start(t, a)
	ended := stuffed(t, f.up)
	reset(f.client)
	<-ended
	f.end()
	a.Close()
	f = start(t, b)
	_, _ = f.up.Write([]byte("x"))
	if n, err := io.ReadFull(f.client, make([]byte, 1)); n != 1 {
		t.Errorf("the other relay has ended: %v", err)
	}
	f.end()
	mute, unmute := silent(t)
	for _, to := range []netip.AddrPort{nobody(t), mute} {
		near, client := admitted(t, b)
		f := newForwarded()
		client.Connect(to, time.Millisecond, f)
		<-f.failed
		client.Reset()
		_ = near.Close()
	}
	unmute()
	b.Close()
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// A client that has sent everything, and is gone before its answer, is seen to
// be.
func TestResetAfterTheEnd(t *testing.T) {
	r := Open()
	defer r.Close()
	f := start(t, r)
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

// What follows urgent data is not waited for, though a read stops before it.
// The urgent byte itself is lost, as it is to all that do not ask for it.
func TestUrgentData(t *testing.T) {
	r := Open()
	defer r.Close()
	f := start(t, r)
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
