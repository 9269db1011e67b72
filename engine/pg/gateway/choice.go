package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// holds is how long a choice among the servers of a URL holds before they are
// asked again.
const holds = 10 * time.Second

// goodbye bounds taking leave of a server that was asked.
const goodbye = time.Second

// chooser finds the server that a URL's target_session_attrs asks for. What
// a server is shows only to who has logged in, and a client's login cannot be
// repeated at another one. So the gateway asks beforehand, as the user of the
// URL and with libpq's rules (PostgreSQL's manual, 34.1.2), and holds each
// session to that: see [chooser.stands]. It is safe for concurrent use.
type chooser struct {
	cfg     *pgconn.Config
	targets []target

	mu     sync.Mutex // held while servers are asked
	last   choice     // guarded by mu
	forgot bool       // guarded by mu
}

// choice is a server that is what the URL asks for.
type choice struct {
	target  int
	standby string // what it said of in_hot_standby; empty before PostgreSQL 14
	at      time.Time
	err     error // why there is none
}

// newChooser returns nil where any server will do.
func newChooser(cfg *pgconn.Config, u *upstream) *chooser {
	if cfg.ValidateConnect == nil {
		return nil
	}
	c := &chooser{targets: u.targets}
	c.cfg = cfg.Copy()
	dialer := u.alive.Dialer()
	// Names are looked up by the dialer, so that an address is a target's.
	c.cfg.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	c.cfg.DialFunc = dialer.DialContext
	c.cfg.ConnectTimeout = u.timeout
	c.cfg.RuntimeParams["application_name"] = "syndicate gateway"
	return c
}

// choose returns the server for a session. Who comes while others ask shares
// their answer.
func (c *chooser) choose(ctx context.Context) (choice, error) {
	came := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last.at.After(came) || c.last.err == nil && !c.forgot && came.Sub(c.last.at) < holds {
		return c.last, c.last.err
	}
	c.forgot = false
	c.last = c.ask(ctx)
	if ctx.Err() != nil {
		c.forgot = true
	}
	return c.last, c.last.err
}

// forget has the servers asked again before the next session.
func (c *chooser) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgot = true
}

// ask logs in where the URL leads.
func (c *chooser) ask(ctx context.Context) choice {
	var reached string
	cfg := c.cfg.Copy()
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		reached = address // they are tried one after the other
		return c.cfg.DialFunc(ctx, network, address)
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		if e, ok := errors.AsType[*pgconn.ConnectError](err); ok {
			err = errors.Unwrap(e)
		}
		return choice{at: time.Now(), err: fmt.Errorf("none of the servers is what target_session_attrs asks for: %s", reason(err))}
	}
	defer func() {
		ctx, cancel := context.WithTimeout(ctx, goodbye)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	for i, t := range c.targets {
		if t.address == reached {
			return choice{target: i, standby: conn.ParameterStatus(hotStandby), at: time.Now()}
		}
	}
	return choice{at: time.Now(), err: fmt.Errorf("the server at %s is none of the url's", reached)}
}

// hotStandby is the parameter that a server reports itself a standby with,
// from PostgreSQL 14 on.
const hotStandby = "in_hot_standby"

// parameterOf reads a message that reports a parameter.
func parameterOf(body []byte, name string) (value string, ok bool) {
	rest, ok := strings.CutPrefix(string(body), name+"\x00")
	return strings.TrimSuffix(rest, "\x00"), ok
}

// stands reports whether a server that a session has reached is still what it
// was when it was chosen.
func (c choice) stands(standby string) bool { return c.standby == "" || c.standby == standby }
