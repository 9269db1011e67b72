package proxy

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// A target that accepts connections and does not talk sense gets no client in
// a trial; one that does closes the breaker.
func TestTCPProbeBeforeATrial(t *testing.T) {
	var well atomic.Bool
	var clients atomic.Int32
	addr := tcpServer(t, func(c *net.TCPConn) {
		words := make([]byte, 64)
		n, _ := c.Read(words)
		switch said := string(words[:n]); {
		case said != "PING\r\n":
			clients.Add(1)
			_, _ = c.Write([]byte("served"))
		case well.Load():
			_, _ = c.Write([]byte("+PO"))
			_, _ = c.Write([]byte("NG\r\n"))
		default:
			_, _ = c.Write([]byte("-LOADING\r\n"))
		}
	})
	p, front, _ := tcpProxy(t, addr, breaker.Config{Rule: breaker.Rule{Failures: 1}, ResetTimeout: time.Millisecond, MaxResetTimeout: time.Millisecond},
		TCPPolicy{Probe: &TCPProbe{Send: "PING\r\n", Expect: "+PONG"}})
	// One refused on arrival may learn of it in connect(2) already.
	call := func() error {
		c, err := net.Dial("tcp", front)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		_, _ = c.Write([]byte("hello"))
		_, err = c.Read(make([]byte, 1))
		return err
	}
	if err := call(); err != nil {
		t.Fatalf("closed, it asks for no probe: %v", err)
	}
	permit, err := p.cfg.Guard.Permit()
	if err != nil {
		t.Fatal(err)
	}
	permit.Failure(breaker.Evidence{Error: "test"})
	before := clients.Load()
	for seen := ""; !strings.Contains(seen, `its probe: the connection was closed before "+PONG", only "-LOADING"`); {
		if call() == nil {
			t.Fatal("a client was served though the probe fails")
		}
		for _, f := range p.cfg.Guard.Snapshot().Failures {
			seen += f.Error
		}
	}
	if n := clients.Load(); n != before {
		t.Errorf("%d clients came to a target that fails its probe", n-before)
	}
	well.Store(true)
	for call() != nil { // until its time is over
	}
	if s := p.cfg.Guard.Snapshot(); s.State != breaker.Closed {
		t.Errorf("it is %s", s.State)
	}
}

func TestTCPProbeIsBounded(t *testing.T) {
	for name, test := range map[string]struct {
		handle func(*net.TCPConn)
		want   string
	}{
		"endless": {func(c *net.TCPConn) {
			for chunk := make([]byte, 4<<10); ; {
				if _, err := c.Write(chunk); err != nil {
					return
				}
			}
		}, `no "OK" in the first`},
		"silent": {func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1)) }, `no "OK" within 20ms`},
	} {
		t.Run(name, func(t *testing.T) {
			addr := tcpServer(t, test.handle)
			probe := TCPProbe{Expect: "OK"}
			if name == "silent" {
				probe.Timeout = 20 * time.Millisecond
			}
			err := probe.pass(context.Background(), &net.Dialer{}, addr)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
		})
	}
}
