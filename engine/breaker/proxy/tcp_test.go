package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// tcpServer handles connections to it until the test ends.
func tcpServer(t *testing.T, handle func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				handle(c.(*net.TCPConn))
			}()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

// tcpProxy serves a proxy until the test ends, or stop is called.
func tcpProxy(t *testing.T, target string, cfg breaker.Config, policy TCPPolicy) (p *TCP, addr string, stop func()) {
	t.Helper()
	p, err := NewTCP(TCPConfig{Target: target, Guard: guard(t, cfg), Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// At a port of its choice, as breakers have: see relay.Door.
	_ = l.Close()
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, l, ctx) }()
	ended := false
	stop = func() {
		if !ended {
			ended = true
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	return p, l.Addr().String(), stop
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.TCPConn)
}

// reset closes a connection so that the other side sees a failure at once.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// ask connects and waits for a byte. Where it is reset that may happen at
// either.
func ask(addr string) error {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		_, err = c.Read(make([]byte, 1))
		_ = c.Close()
	}
	return err
}

// A client that has sent everything still gets the whole answer.
func TestTCPHalfClose(t *testing.T) {
	addr := tcpServer(t, func(c *net.TCPConn) {
		data, _ := io.ReadAll(c)
		_, _ = c.Write(bytes.ToUpper(data))
	})
	p, front, stop := tcpProxy(t, addr, breaker.Config{}, TCPPolicy{})
	c := dial(t, front)
	sent := strings.Repeat("some text ", 100_000)
	go func() {
		_, _ = io.WriteString(c, sent)
		_ = c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || string(got) != strings.ToUpper(sent) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	_ = c.Close()
	stop()
	if n := p.cfg.Guard.Snapshot().Numbers; n.Successes != 1 || n.Failures != 0 || n.InFlight != 0 {
		t.Errorf("counted %+v", n)
	}
}

func TestTCPFaults(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	read := func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 10)) }
	for _, test := range []struct {
		name, target string
		evidence     string
	}{
		{"nobody listens", closed.Addr().String(), "connection refused"},
		{"closes without a word", tcpServer(t, read), "closed before its first byte"},
		{"resets without a word", tcpServer(t, func(c *net.TCPConn) { read(c); reset(c) }), "reset before its first byte"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, front, stop := tcpProxy(t, test.target, breaker.Config{Rule: breaker.Rule{Failures: 1}}, TCPPolicy{})
			c, err := net.Dial("tcp", front)
			if err == nil {
				_, _ = c.Write([]byte("question"))
				_, err = io.ReadAll(c)
				_ = c.Close()
			}
			if err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client sees %v", err)
			}
			stop()
			s := p.cfg.Guard.Snapshot()
			if s.State != breaker.Open || len(s.Failures) != 1 || !strings.Contains(s.Failures[0].Error, test.evidence) {
				t.Errorf("it is %v, evidence %v", s.State, s.Failures)
			}
		})
	}
}

func TestTCPOtherTarget(t *testing.T) {
	second := tcpServer(t, func(c *net.TCPConn) { _, _ = io.WriteString(c, "second") })
	p, front, stop := tcpProxy(t, second, breaker.Config{}, TCPPolicy{Others: []TCPTarget{{second, guard(t, breaker.Config{})}}})
	p.cfg.Guard.Trip(time.Hour, "")
	got, err := io.ReadAll(dial(t, front))
	if err != nil || string(got) != "second" {
		t.Errorf("got %q, %v", got, err)
	}
	p.policy.Load().Others[0].Guard.Trip(time.Hour, "")
	if err := ask(front); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("with both open the client sees %v", err)
	}
	stop()
	if n := p.Numbers(); n.Fallbacks["upstream"] != 1 {
		t.Errorf("counted %+v", n)
	}
}

// Another target takes new connections at once, and those to the one before
// end when their time is over.
func TestTCPTakesAnotherTarget(t *testing.T) {
	says := func(text string) string {
		return tcpServer(t, func(c *net.TCPConn) {
			_, _ = io.WriteString(c, text)
			_, _ = io.Copy(io.Discard, c)
		})
	}
	p, front, stop := tcpProxy(t, says("old"), breaker.Config{}, TCPPolicy{})
	defer stop()
	read := func(c *net.TCPConn) string {
		text := make([]byte, 3)
		_, err := io.ReadFull(c, text)
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	before := dial(t, front)
	if text := read(before); text != "old" {
		t.Fatal(text)
	}
	if err := p.Set(TCPPolicy{Target: says("new"), Grace: time.Hour}); err != nil {
		t.Fatal(err)
	}
	between := dial(t, front)
	if text := read(between); text != "new" {
		t.Error(text)
	}
	third := says("3rd")
	if err := p.Set(TCPPolicy{Target: third, Grace: time.Millisecond}); err != nil { // of those to the second
		t.Fatal(err)
	}
	if text := read(between); !strings.Contains(text, "reset") && text != "EOF" {
		t.Errorf("it goes on with %q", text)
	}
	if text := read(dial(t, front)); text != "3rd" {
		t.Error(text)
	}
	_ = before.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if text := read(before); !strings.Contains(text, "timeout") {
		t.Errorf("it ended with %q", text)
	}
	if err := p.Set(TCPPolicy{Target: "nonsense"}); err == nil || p.policy.Load().Target != third {
		t.Errorf("nonsense is %v, and the target %s", err, p.policy.Load().Target)
	}
}

func TestTCPMaxCalls(t *testing.T) {
	echo := tcpServer(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	p, front, stop := tcpProxy(t, echo, breaker.Config{}, TCPPolicy{MaxCalls: 1})
	one := dial(t, front)
	_, _ = one.Write([]byte("x"))
	_, _ = one.Read(make([]byte, 1))
	if err := ask(front); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
	stop() // also ends the open one
	if _, err := one.Read(make([]byte, 1)); err == nil {
		t.Error("an open connection outlives the proxy")
	}
	if n := p.Numbers(); n.Full != 1 {
		t.Errorf("counted %+v", n)
	}
}

// While it is open a client finds nobody there, at an address that stays the
// proxy's.
func TestTCPRefuses(t *testing.T) {
	echo := tcpServer(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	p, front, stop := tcpProxy(t, echo, breaker.Config{}, TCPPolicy{Refuse: true})
	refused := func() bool {
		c, err := net.Dial("tcp", front)
		if err == nil {
			_ = c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	served := func() bool {
		c, err := net.Dial("tcp", front)
		if err != nil {
			return false
		}
		defer func() { _ = c.Close() }()
		_, _ = c.Write([]byte("x"))
		_, err = io.ReadFull(c, make([]byte, 1))
		return err == nil
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
			if time.Now().After(deadline) {
				t.Fatal("not seen: " + what)
			}
		}
	}
	if !served() {
		t.Fatal("it does not forward")
	}
	open := dial(t, front)
	_, _ = open.Write([]byte("x"))
	_, _ = open.Read(make([]byte, 1))
	for range 3 {
		p.cfg.Guard.Trip(time.Hour, "")
		until("refused", refused)
		if _, err := open.Write([]byte("y")); err != nil {
			t.Errorf("a connection that is open ended: %v", err)
		}
		if n, err := open.Read(make([]byte, 1)); n != 1 {
			t.Errorf("a connection that is open ended: %v", err)
		}
		p.cfg.Guard.Reset("")
		until("served", served)
	}
	p.cfg.Guard.Trip(100*time.Millisecond, "")
	until("its time is over", served)
	p.cfg.Guard.Force(breaker.ForcedOpen, "")
	until("refused by force", refused)
	p.Set(TCPPolicy{})
	until("reset", func() bool { return errors.Is(ask(front), syscall.ECONNRESET) })
	p.Set(TCPPolicy{Refuse: true})
	until("refused again", refused)
	stop() // while it is shut
}
