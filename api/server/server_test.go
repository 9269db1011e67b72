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
	"testing"

	"go.uber.org/goleak"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, dir string, f *fake) *Server {
	t.Helper()
	s, err := New(Config{System: f, StateDir: dir, Operator: f, Journal: f, Breakers: f, Tail: f.tail, Metrics: f.metrics, DegradedFails: func() bool { return f.strict }})
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

// raw is a client without ours.
func raw(dir string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return api.Dial(ctx, dir) }}}
}

func get(t *testing.T, hc *http.Client, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := hc.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, newFake())
	hc := raw(dir)
	for _, test := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/v2/status", "", 404, "/v1/status"},
		{"GET", "/", "", 404, "nothing at this path"},
		{"GET", "/v1/units?all", "", 400, "it has no parameters"},
		{"GET", "/v1/status?all", "", 400, "use lines"},
		{"GET", "/v1/logs?tale=3", "", 400, "use unit, follow, since, tail, grep"},
		{"GET", "/v1/logs?tail=-3", "", 400, "a whole number"},
		{"GET", "/v1/logs?tail=1&tail=2", "", 400, "may be given once"},
		{"GET", "/v1/logs?follow=yes", "", 400, "use true or false"},
		{"GET", "/v1/logs?grep=%5B", "", 400, "missing closing"},
		{"GET", "/v1/logs?since=now", "", 400, "2026-01-31T12:00:00Z"},
		{"GET", "/v1/logs?%zz", "", 400, "the query cannot be read"},
		{"GET", "/v1/logs?unit=service.nobody", "", 404, "service.nobody"},
		{"GET", "/v1/events?since=never", "", 400, "number of an event"},
		{"HEAD", "/v1/logs", "", 405, ""},
		{"POST", "/v1/status", "", 405, "use GET"},
		{"GET", "/v1/down", "", 405, "use POST"},
		{"POST", "/v1/down", "nonsense", 400, "no down request"},
		{"POST", "/v1/down", `{"hury":true}`, 400, "unknown field"},
		{"POST", "/v1/down", `{}{}`, 400, "more than one value"},
		{"POST", "/v1/down", `{"cause":"` + strings.Repeat("x", maxBody) + `"}`, 413, "at most 65536 bytes"},
		{"POST", "/v1/apply", "", 400, "the body is empty"},
		{"POST", "/v1/commands", `{"verb":"stop"}`, 400, "needs a verb and units"},
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
		if resp.StatusCode != test.code || !strings.Contains(string(body), test.want) || resp.Header.Get("Content-Type") != api.ProblemType {
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
