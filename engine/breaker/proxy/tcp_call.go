package proxy

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/breaker/relay"
	"github.com/syndicate/syndicate/socket"
)

// tcpCall is a client's connection and what becomes of it, told by a relay.
type tcpCall struct {
	proxy  *TCP
	policy *tcpPolicy
	hurry  context.Context
	client *relay.Client

	at     int // the target that it is with: 0 is the first
	permit breaker.Permit
	grace  *time.Timer // after which it went well
}

// take sees to a client, and does not wait.
func (p *TCP) take(hurry context.Context, client *relay.Client) {
	p.open.Add(1)
	c := &tcpCall{proxy: p, policy: p.policy.Load(), hurry: hurry, client: client}
	if p.limiter.try() {
		c.ask(0)
		return
	}
	go func() {
		if err := p.limiter.enter(hurry); err != nil {
			p.full.Add(1)
			client.Reset()
			p.open.Done()
			return
		}
		c.ask(0)
	}()
}

// ask goes to the first target from one on whose guard allows it, and does not
// wait.
func (c *tcpCall) ask(from int) {
	for c.at = from; c.at <= len(c.policy.Others); c.at++ {
		t := TCPTarget{c.policy.Target, c.proxy.cfg.Guard}
		if c.at > 0 {
			t = c.policy.Others[c.at-1]
		}
		var err error
		if c.permit, err = t.Guard.Permit(); err != nil {
			continue
		}
		probed := c.permit.Trial() && c.policy.Probe != nil
		if to, err := netip.ParseAddrPort(t.Target); err == nil && to.Addr().Zone() == "" && !probed {
			to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
			c.client.Connect(to, c.policy.connectTimeout(), c, c.until()...)
			return
		}
		go c.dial(t.Target, probed)
		return
	}
	c.client.Reset()
	c.over()
}

// dial connects to a target that has a name, or a probe to pass before.
func (c *tcpCall) dial(target string, probed bool) {
	dialer := &net.Dialer{Timeout: c.policy.connectTimeout()}
	var err error
	if probed {
		err = c.policy.Probe.pass(c.hurry, dialer, target)
	}
	var up net.Conn
	if err == nil {
		up, err = dialer.DialContext(c.hurry, "tcp", target)
	}
	if err != nil {
		c.Failed(err)
		return
	}
	c.client.Forward(up.(*net.TCPConn), c, c.until()...)
}

func (p *TCPPolicy) connectTimeout() time.Duration { return cmp.Or(p.ConnectTimeout, dialTimeout) }

// until are the contexts that end it.
func (c *tcpCall) until() []context.Context {
	if c.at > 0 {
		return []context.Context{c.hurry}
	}
	return []context.Context{c.hurry, c.policy.target}
}

// Failed implements relay.Call.
func (c *tcpCall) Failed(err error) {
	if c.hurry.Err() != nil || socket.Scarce(err) { // nothing of the target's
		c.permit.Neutral()
		c.proxy.shortage.Note(err)
	} else {
		c.permit.Failure(breaker.Evidence{Error: c.proxy.cfg.Clean(describe(err))})
	}
	c.ask(c.at + 1)
}

// Connected implements relay.Call.
func (c *tcpCall) Connected() {
	if c.at > 0 {
		c.proxy.others.Add(1)
	}
	c.grace = time.AfterFunc(trialGrace, c.well)
}

func (c *tcpCall) well() {
	c.permit.Answered()
	c.permit.Success()
}

// First implements relay.Call: it judges the call by the first thing that
// comes back.
func (c *tcpCall) First(n int, asked bool, err error) {
	switch {
	case n > 0:
		c.well()
	case err != io.EOF:
		c.permit.Failure(breaker.Evidence{Error: "the connection was reset before its first byte"})
	case asked:
		c.permit.Failure(breaker.Evidence{Error: "the connection was closed before its first byte"})
	}
}

// Ended implements relay.Call.
func (c *tcpCall) Ended() {
	if c.grace != nil {
		c.grace.Stop()
	}
	c.permit.Neutral()
	c.over()
}

// over gives back what it had.
func (c *tcpCall) over() {
	c.proxy.limiter.leave()
	c.proxy.open.Done()
}
