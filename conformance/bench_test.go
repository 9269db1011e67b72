package conformance

import (
	"context"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/breaker/proxy"
)

// through puts a breaker before a target, and returns its address and guard.
func through(t *testing.T, target string, policy proxy.Policy) (addr string, guard *breaker.Guard) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	guard, err = breaker.New(breaker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	policy.Timeout = 20 * time.Second
	p, err := proxy.NewHTTP(proxy.HTTPConfig{Name: "demo", Target: u, Guard: guard, Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	server := p.Server(context.Background(), l)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve()
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
		p.Close()
	})
	return l.Addr().String(), guard
}

// loopback is where everything listens.
var loopback = []net.IP{net.IPv4(127, 0, 0, 1)}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
