package gateway

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/pg"
)

// soon bounds what has to happen in a test, generously.
const soon = 30 * time.Second

// gate is a gateway that runs.
type gate struct {
	*Gateway
	t     testing.TB
	addr  net.Addr
	stop  context.CancelFunc
	hurry chan struct{}
	done  chan struct{} // closed when Run has returned

	mu    sync.Mutex
	notes []string // guarded by mu
}

// open runs a gateway before a server for the rest of the test.
func open(t testing.TB, server string, change func(*Config)) *gate {
	t.Helper()
	x := &gate{t: t, hurry: make(chan struct{}), done: make(chan struct{})}
	cfg := Config{
		Server: server,
		Limits: Limits{MaxConn: 50, MaxWaiting: 100, AcquireTimeout: soon},
		Note: func(line string) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.notes = append(x.notes, line)
		},
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if x.Gateway, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x.addr = l.Addr()
	var ctx context.Context
	ctx, x.stop = context.WithCancel(context.Background())
	go func() {
		defer close(x.done)
		if err := x.Run(ctx, l, soon, x.hurry); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(x.end)
	return x
}

// end stops it, in a hurry.
func (x *gate) end() {
	x.stop()
	select {
	case <-x.hurry:
	default:
		close(x.hurry)
	}
	<-x.done
}

// said returns what it has noted.
func (x *gate) said() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]string(nil), x.notes...)
}

// url is the gateway's, for a database of the server, with more parameters.
func (x *gate) url(to pg.Endpoint, params ...string) string {
	u, err := url.Parse(to.URL().Reveal())
	if err != nil {
		x.t.Fatal(err)
	}
	u.Host = x.addr.String()
	q := u.Query()
	for _, name := range []string{"host", "port"} {
		q.Del(name)
	}
	q.Set("sslmode", "disable")
	for i := 0; i+1 < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}

// dial connects through it for the rest of the test.
func (x *gate) dial(to pg.Endpoint, params ...string) *pgx.Conn {
	x.t.Helper()
	conn, err := pgx.Connect(within(x.t), x.url(to, params...))
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// within is a context that ends before the test hangs.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	t.Cleanup(cancel)
	return ctx
}

// state is the SQLSTATE of an error, empty where it has none.
func state(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// eventually waits until something holds that nobody tells of.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.After(soon); ; {
		if holds() {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s: not within %s", what, soon)
		}
	}
}

// nobody is an address that nobody listens on.
func nobody(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// witness is a guard that lets everybody through and counts the outcomes.
type witness struct {
	mu                          sync.Mutex
	closed                      error // why nobody gets through; guarded by mu
	success, failures, neutrals int   // guarded by mu
	open                        int   // permits that are out; guarded by mu
}

func (w *witness) Permit() (Permit, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed == nil {
		w.open++
	}
	return w, w.closed
}

func (w *witness) count(n *int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*n++
	w.open--
}

func (w *witness) Success()       { w.count(&w.success) }
func (w *witness) Failure(string) { w.count(&w.failures) }
func (w *witness) Neutral()       { w.count(&w.neutrals) }

// outcomes are the successes, failures and neutral ends so far.
func (w *witness) outcomes() [3]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return [3]int{w.success, w.failures, w.neutrals}
}
