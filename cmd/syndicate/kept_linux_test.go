package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// breakers at addresses of their own, before nobody.
func breakersAt(web, direct string) string {
	return fmt.Sprintf(`
breaker "web" {
  target = "http://127.0.0.1:1"
  listen = "127.0.0.1:%s"

  fallback {
    status = 418
  }
}

breaker "direct" {
  target  = "tcp://127.0.0.1:1"
  listen  = "127.0.0.1:%s"
  on_open = "refuse"
}

breaker "chosen" {
  target = "http://127.0.0.1:1"
}
`, web, direct)
}

// clients connect to an address all the time, and call it.
type clients struct {
	stop chan struct{}
	all  sync.WaitGroup

	mu                         sync.Mutex
	tries, refusals, odd, told int
	last                       error
}

func hammer(address string) *clients {
	c := &clients{stop: make(chan struct{})}
	dial := func() net.Conn {
		conn, err := net.DialTimeout("tcp", address, patience)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.tries++
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			c.refusals++
		case err != nil:
			c.odd++
			c.last = err
		}
		return conn
	}
	c.all.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-c.stop:
				return
			case <-tick.C:
			}
			if conn := dial(); conn != nil {
				_ = conn.Close()
			}
		}
	})
	c.all.Go(func() {
		for {
			select {
			case <-c.stop:
				return
			default:
			}
			conn := dial()
			if conn == nil {
				continue
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && res.StatusCode == http.StatusTeapot {
				c.mu.Lock()
				c.told++
				c.mu.Unlock()
			}
			_ = conn.Close()
		}
	})
	return c
}

func (c *clients) answers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told
}

// end fails where one was refused.
func (c *clients) end(t *testing.T) {
	t.Helper()
	close(c.stop)
	c.all.Wait()
	t.Logf("%d connections, %d answers", c.tries, c.told)
	if c.refusals > 0 || c.odd > 0 {
		t.Errorf("of %d connections %d were refused, and %d failed otherwise, the last: %v", c.tries, c.refusals, c.odd, c.last)
	}
}

func (p *project) ready() {
	p.t.Helper()
	p.until("it is ready", func() bool { return strings.Contains(p.said(), "Ready") })
}

// answered waits until clients have had some more answers.
func (p *project) answered(c *clients) {
	p.t.Helper()
	before := c.answers()
	p.until("clients are answered", func() bool { return c.answers() > before+3 })
}

// While there is no engine, since it was killed, those who call a breaker
// wait, and the next up serves them. A down gives the addresses up.
func TestAListenerOutlivesItsEngine(t *testing.T) {
	web, direct := somePort(t), somePort(t)
	p := newProject(t, breakersAt(web, direct))
	p.up()
	p.ready()
	ports := p.text(".syndicate/s/ports.json")
	c := hammer("127.0.0.1:" + web)
	for range 2 {
		p.answered(c)
		p.signal(syscall.SIGKILL)
		<-p.ended
		if got := p.run(exitFailed, "status"); !strings.Contains(got, "Connections wait for the next up, for a minute: 127.0.0.1:") {
			t.Errorf("status says:\n%s", got)
		}
		p.up()
		p.ready()
	}
	p.answered(c)
	c.end(t)
	if now := p.text(".syndicate/s/ports.json"); now != ports {
		t.Errorf("a chosen port is another one now: %s, was %s", now, ports)
	}
	p.signal(syscall.SIGKILL)
	<-p.ended
	p.run(exitDone, "down")
	for _, port := range []string{web, direct} {
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err != nil {
			t.Error(err)
		} else {
			_ = l.Close()
		}
	}
	p.wait("no guardian is left", func() bool { return len(p.processes()) == 0 }, nil)
}

// What a service manager passes is used, and outlives whatever happens to the
// engine; what fits nowhere is named.
func TestASocketThatWasPassed(t *testing.T) {
	web, direct := somePort(t), somePort(t)
	p := newProject(t, breakersAt(web, direct)+`
service "env" {
  command = "env; exec sleep 1000"
}
`)
	byAddress, byName := listening(t, "127.0.0.1:"+web), listening(t, "127.0.0.1:0")
	pass := func(names string) {
		cmd := p.command()
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "LISTEN_PID=$$ exec syndicate up"}
		cmd.Env = append(cmd.Env, "LISTEN_FDS=2", "LISTEN_FDNAMES="+names)
		cmd.ExtraFiles = []*os.File{byAddress, byName}
		p.start(cmd)
	}
	pass("s.socket:breaker.chosen")
	p.ready()
	if got := p.run(exitDone, "status"); !strings.Contains(got, portOf(t, byName)) {
		t.Errorf("breaker.chosen does not listen at port %s:\n%s", portOf(t, byName), got)
	}
	p.untilLog("service.env", "SYNDICATE_UNIT")
	if got := p.log("service.env"); strings.Contains(got, "LISTEN_") {
		t.Errorf("a service has the variables of the engine:\n%s", got)
	}
	c := hammer("127.0.0.1:" + web)
	p.answered(c)
	p.run(exitDone, "down")
	p.end(exitDone)
	pass("s.socket:breaker.chosen")
	p.ready()
	p.answered(c)
	p.signal(syscall.SIGKILL)
	<-p.ended
	pass("s.socket:breaker.chosen")
	p.ready()
	p.answered(c)
	c.end(t)
	p.run(exitDone, "down")
	p.end(exitDone)

	pass("s.socket:breaker.nobody")
	<-p.ended
	for _, want := range []string{`the socket "breaker.nobody" at 127.0.0.1:` + portOf(t, byName), "is for nothing that is declared", "breaker.web (127.0.0.1:" + web + ")"} {
		if got := p.said(); !strings.Contains(got, want) {
			t.Errorf("up does not say %q:\n%s", want, got)
		}
	}
	pass("breaker.direct:breaker.chosen")
	<-p.ended
	if got := p.said(); !strings.Contains(got, "is bound to 127.0.0.1:"+web+", and breaker.direct listens on 127.0.0.1:"+direct) {
		t.Errorf("up says:\n%s", got)
	}
}

func somePort(t *testing.T) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// listening returns a socket as a service manager has it.
func listening(t *testing.T, address string) *os.File {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func portOf(t *testing.T, f *os.File) string {
	t.Helper()
	l, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
