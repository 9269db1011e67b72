package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
)

// What common clients send is read here; whatever is special is net/http's.
func TestPlainStatus(t *testing.T) {
	const line = "GET /v1/status HTTP/1.1\r\n"
	for _, text := range []string{
		line + "Host: syndicate\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n",
		line + "Host: x\r\nUser-Agent: Go-http-client/1.1\r\nConnection: close\r\n\r\n",
		line + "Host: localhost\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n",
		line + "Host: localhost:8080\r\nAccept-Encoding: identity\r\nConnection: keep-alive\r\n\r\n" + "GET",
	} {
		q, ok := plainStatus([]byte(text))
		if want := strings.Index(text, "\r\n\r\n") + 4; !ok || q.length != want || q.last != strings.Contains(text, "close") {
			t.Errorf("%q: %+v, %t", text, q, ok)
		}
	}
	for _, text := range []string{
		"", line, "GET /v1/status HTTP/1.0\r\nHost: x\r\n\r\n", "HEAD /v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /v1/status?lines=3 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /v1/status/ HTTP/1.1\r\nHost: x\r\n\r\n",
		line + "\r\n", line + "Host: x\r\n", line + "Host: x\r\nHost: x\r\n\r\n", line + "Host: \r\n\r\n", line + "Host: a b\r\n\r\n",
		line + "Host: x\r\nContent-Length: 3\r\n\r\nabc", line + "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		line + "Host: x\r\nConnection: upgrade\r\n\r\n", line + "Host: x\r\nExpect: 100-continue\r\n\r\n",
		line + "Host : x\r\n\r\n", line + "Host: x\r\n folded\r\n\r\n", line + "Host: x\nAccept: y\r\n\r\n", line + "Host: x\r\nAccept: \x00\r\n\r\n",
	} {
		if q, ok := plainStatus([]byte(text)); ok {
			t.Errorf("%q: %+v", text, q)
		}
	}
}

// likeNetHTTP compares with the standard library what is read here of some
// text.
func likeNetHTTP(t *testing.T, text []byte) {
	q, ok := plainStatus(text)
	if !ok {
		return
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(text[:q.length]))))
	if err != nil || r.Method != http.MethodGet || r.RequestURI != api.PathStatus || !r.ProtoAtLeast(1, 1) ||
		r.Host == "" || r.ContentLength != 0 || r.TransferEncoding != nil || r.Close != q.last || r.Header.Get("Upgrade") != "" {
		t.Errorf("%q: read as %+v, where net/http has %+v, %v", text, q, r, err)
	}
}

// Whatever a connection asks, in whichever order and pieces, it is answered.
func TestAConnectionAsksWhatItLikes(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, newFake())
	request := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }
	status, health := request(api.PathStatus), request(api.PathHealthz)
	for name, pieces := range map[string][]string{
		"one":            {status},
		"one by one":     {status, status, status},
		"all at once":    {status + status + health + status},
		"one after it":   {status, health, status},
		"one before it":  {health, status},
		"in two":         {status[:10], status[10:]},
		"with a mistake": {status, request("/v1/nothing"), status},
		"without a host": {"GET " + api.PathStatus + " HTTP/1.1\r\n\r\n"},
		"the last":       {status, "GET " + api.PathStatus + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := api.Dial(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			for n, piece := range pieces {
				if _, err := io.WriteString(conn, piece); err != nil {
					t.Fatal(err)
				}
				for range strings.Count(piece, "\r\n\r\n") {
					answered(t, in, strings.Join(pieces[:n+1], ""))
				}
			}
			if strings.Contains(pieces[len(pieces)-1], "close") {
				if n, err := in.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("after the last: %d, %v", n, err)
				}
			}
		})
	}
}

// answered reads an answer, which is one to what was asked last, and whole.
func answered(t *testing.T, in *bufio.Reader, asked string) {
	t.Helper()
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(asked, "Host") {
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %s", asked, res.Status)
		}
		return
	}
	if _, err := http.ParseTime(res.Header.Get("Date")); err != nil || res.Header.Get("Cache-Control") != "no-store" || !json.Valid(body) || body[len(body)-1] != '\n' {
		t.Errorf("%q: %v %s, %v", asked, res, body, err)
	}
	if want := strings.HasSuffix(asked, "close\r\n\r\n"); res.Close != want {
		t.Errorf("%q: closes: %t", asked, res.Close)
	}
}

// Who reads nothing of a long answer does not keep the server from closing.
func TestALongAnswerThatNobodyReadsKeepsNothingOpen(t *testing.T) {
	dir, f := t.TempDir(), newFake()
	for i := range 2000 {
		f.units = append(f.units, engine.UnitStatus{ID: fmt.Sprintf("service.s%d", i), Kind: "service", State: engine.Ready, Cause: strings.Repeat("x", 500)})
	}
	serve(t, dir, f)
	for range 2 {
		conn, err := api.Dial(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, strings.Repeat("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", 3)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil { // an answer is under way
			t.Fatal(err)
		}
	}
}

// A connection whose only question is there already has its answer from whoever
// accepts it, who waits for nothing.
func TestAtOnce(t *testing.T) {
	const ask, last = "GET /v1/status HTTP/1.1\r\nHost: x\r\n", "Connection: close\r\n\r\n"
	long := []byte(strings.Repeat("x", 8<<20))
	for name, test := range map[string]struct {
		asked        string
		rest         []byte
		waits, fails bool // the status, for something; and panics
		want         bool
	}{
		"its only question":                     {asked: ask + last, rest: []byte("rest"), want: true},
		"a long answer":                         {asked: ask + last, rest: long, want: true},
		"one that asks more":                    {asked: ask + "\r\n", rest: []byte("rest")},
		"one that has asked it":                 {asked: ask + last + "GET", rest: []byte("rest")},
		"something else":                        {asked: "GET / HTTP/1.1\r\nHost: x\r\n" + last},
		"one that says nothing":                 {},
		"where the status has to be waited for": {asked: ask + last, rest: []byte("rest"), waits: true},
		"where the status panics":               {asked: ask + last, fails: true, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			client, err := net.Dial("unix", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := io.WriteString(client, test.asked); err != nil {
				t.Fatal(err)
			}
			conn, err := newGate(l, 1, anyPeer).Accept()
			if err != nil {
				t.Fatal(err)
			}
			open, shut := context.WithCancel(t.Context())
			defer shut()
			status := func() (head, rest []byte, ok bool) {
				if test.fails {
					panic("a mistake")
				}
				return []byte("head "), test.rest, !test.waits
			}
			f := newFront(open, hclog.NewNullLogger(), nil, status)
			if done := f.atOnce(conn.(*admitted)); done != test.want {
				t.Fatalf("done: %t, want %t", done, test.want)
			}
			switch {
			case test.fails:
				if n, err := client.Read(make([]byte, 1)); err == nil {
					t.Errorf("%d bytes", n)
				}
			case test.want:
				res, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				if body, err := io.ReadAll(res.Body); err != nil || string(body) != "head "+string(test.rest) {
					t.Errorf("%d bytes, %v", len(body), err)
				}
				f.attending.Wait()
			case test.asked != "":
				got := make([]byte, len(test.asked))
				if _, err := io.ReadFull(conn, got); err != nil || string(got) != test.asked {
					t.Errorf("what it has asked: %q, %v", got, err)
				}
				fallthrough
			default:
				_ = conn.Close()
			}
		})
	}
}

// A client that reads nothing of an answer does not keep the server from
// closing, which has given up waiting for it.
func TestAtOnceToNobody(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := io.WriteString(client, "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	conn, err := newGate(l, 1, anyPeer).Accept()
	if err != nil {
		t.Fatal(err)
	}
	open, shut := context.WithCancel(t.Context())
	f := newFront(open, hclog.NewNullLogger(), nil, func() ([]byte, []byte, bool) { return nil, make([]byte, 8<<20), true })
	if !f.atOnce(conn.(*admitted)) {
		t.Fatal("it was not answered")
	}
	shut()
	f.attending.Wait()
}

// unsound is a system that cannot be asked.
type unsound struct{ *fake }

func (unsound) Measured() engine.Status { panic("a mistake") }

func (unsound) MeasuredNow() (engine.Status, bool) { panic("a mistake") }

func TestAPanicEndsOneConnectionOnly(t *testing.T) {
	dir := t.TempDir()
	s, err := New(Config{System: unsound{newFake()}, StateDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 3 {
		conn, err := api.Dial(ctx, dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("there is an answer")
		}
		_ = conn.Close()
	}
	conn, err := api.Dial(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := health(t, conn); got != http.StatusOK {
		t.Errorf("health: %d", got)
	}
}
