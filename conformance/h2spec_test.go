package conformance

import (
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"

	"github.com/syndicate/syndicate/engine/breaker/proxy"
)

// h2spec finds the same of a breaker as of net/http's server behind it. What
// it finds wrong with both is as net/http has it: what looks like HTTP/1.1 is
// answered so (RFC 9113, 3.4 is of HTTP/2 alone), frames may be longer than
// the suite has heard, a setting is sent once or it is an error, and fields of
// a connection are refused with status 400 and not by a reset.
func TestH2Spec(t *testing.T) {
	up := &http.Server{Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "a body that is longer than one byte")
	})}
	up.Protocols.SetHTTP1(true)
	up.Protocols.SetUnencryptedHTTP2(true)
	l := listen(t)
	go func() { _ = up.Serve(l) }()
	t.Cleanup(func() { _ = up.Close() })
	addr, _ := through(t, "http://"+l.Addr().String(), proxy.Policy{})

	direct, breaker := h2spec(t, l.Addr().String()), h2spec(t, addr)
	passed := 0
	for _, name := range slices.Sorted(maps.Keys(direct)) {
		if direct[name] == "" {
			passed++
		}
		if got := breaker[name]; (got == "") != (direct[name] == "") {
			t.Errorf("%s\ndirectly: %s\nthrough the breaker: %s", name, direct[name], got)
		}
	}
	if len(breaker) != len(direct) || passed < 141 {
		t.Errorf("%d cases directly, of which %d passed, and %d through the breaker", len(direct), passed, len(breaker))
	}
}

// h2spec runs all cases against a server. It returns what was wrong for each:
// nothing, if it passed.
func h2spec(t *testing.T, addr string) map[string]string {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	// Cases that pass are answered at once.
	c := &config.Config{Host: at.IP.String(), Port: at.Port, Path: "/", Timeout: 3 * time.Second, MaxHeaderLen: 4000, Strict: true}
	verdicts := map[string]string{}
	var collect func(*spec.TestGroup)
	collect = func(g *spec.TestGroup) {
		for i, test := range append(g.Tests, g.StrictTests...) {
			verdict := ""
			switch r := test.Result; {
			case r == nil:
				verdict = "did not run"
			case r.Skipped:
				verdict = "skipped"
			case r.Failed:
				verdict = r.Error.Error()
			}
			verdicts[fmt.Sprintf("%s/%d: %s", g.ID(), i+1, test.Desc)] = verdict
		}
		for _, inner := range g.Groups {
			collect(inner)
		}
	}
	for _, g := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		g.Test(c)
		collect(g)
	}
	return verdicts
}
