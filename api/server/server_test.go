package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a System with two units, which stop when told.
type fake struct {
	mu    sync.Mutex
	units []engine.UnitStatus
	asked chan string   // causes of Stop
	gone  chan struct{} // closed when all has stopped
	hurry chan struct{}
}

func newFake() *fake {
	return &fake{
		asked: make(chan string, 8), gone: make(chan struct{}), hurry: make(chan struct{}, 8),
		units: []engine.UnitStatus{
			{ID: "service.api", Kind: "service", State: engine.Ready, PID: 7, ReadyAfter: 250 * time.Millisecond},
			{ID: "service.web", Kind: "service", State: engine.Pending, WaitingFor: []string{"service.api ready"}},
		},
	}
}

func (f *fake) Status() engine.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return engine.Status{Name: "demo", State: engine.SystemReady, PID: os.Getpid(), Units: append([]engine.UnitStatus(nil), f.units...)}
}

func (f *fake) set(state engine.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.units[0].State = state
}

func (f *fake) Stop(ctx context.Context, cause string) error {
	f.asked <- cause
	select {
	case <-f.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fake) Hurry() { f.hurry <- struct{}{} }

func serve(t *testing.T, dir string, f *fake) *Server {
	t.Helper()
	s, err := New(Config{System: f, StateDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(filepath.Join(dir, api.SocketName)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is left: %v", err)
		}
	})
	return s
}

// dirs are a short state directory and one that is too long for a socket.
func dirs(t *testing.T) map[string]string {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"short": t.TempDir(), "long": long}
}

func TestStatus(t *testing.T) {
	for name, dir := range dirs(t) {
		t.Run(name, func(t *testing.T) {
			serve(t, dir, newFake())
			info, err := os.Stat(filepath.Join(dir, api.SocketName))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("socket: %v, %v", info, err)
			}
			st, err := client.New(dir).Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if st.Name != "demo" || st.StateDir != dir || len(st.Units) != 2 ||
				st.Units[0].ReadyAfter != 0.25 || st.Units[1].WaitingFor[0] != "service.api ready" {
				t.Errorf("got %+v", st)
			}
			_, err = New(Config{System: newFake(), StateDir: dir})
			if live, ok := errors.AsType[*api.LiveError](err); !ok || live.PID != os.Getpid() {
				t.Errorf("a second server: %v", err)
			}
		})
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, api.SocketName), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	if _, err := client.New(dir).Status(t.Context()); !errors.Is(err, client.ErrNobody) {
		t.Errorf("got %v", err)
	}
	serve(t, dir, newFake())
	if _, err := client.New(dir).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDownTellsItsProgress(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	serve(t, dir, f)
	var last api.DownProgress
	stopped := 0
	err := client.New(dir).Down(t.Context(), api.DownRequest{Cause: "a test", Hurry: true}, func(p api.DownProgress) {
		switch {
		case len(p.Waiting) == 1: // first seen while ready
			f.set(engine.Stopping)
		case len(p.Stopping) == 1:
			f.set(engine.Stopped)
			close(f.gone)
		}
		stopped += len(p.Stopped)
		last = p
	})
	if err != nil || !last.Done || stopped != 1 {
		t.Errorf("got %v, %+v, %d stopped", err, last, stopped)
	}
	if cause := <-f.asked; cause != "a test" {
		t.Errorf("cause %q", cause)
	}
	<-f.hurry
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, newFake())
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return api.Dial(ctx, dir) }}}
	for _, test := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/v2/status", "", 404, "/v1/status"},
		{"GET", "/", "", 404, "nothing at this path"},
		{"POST", "/v1/status", "", 405, "use GET"},
		{"GET", "/v1/down", "", 405, "use POST"},
		{"POST", "/v1/down", "nonsense", 400, "not a down request"},
		{"POST", "/v1/down", `{"cause":"` + strings.Repeat("x", maxBody) + `"}`, 400, "too large"},
		{"GET", "/v1/healthz", "", 200, `"status":"ok"`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), test.method, "http://x"+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := hc.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != test.code || !strings.Contains(string(body), test.want) || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d %s", test.method, test.path, resp.StatusCode, body)
		}
	}
}

func TestSilentClientsDoNotKeepOthersOut(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, newFake())
	for range maxConns - 1 {
		conn, err := api.Dial(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if _, err := client.New(dir).Status(t.Context()); err != nil {
		t.Error(err)
	}
}
