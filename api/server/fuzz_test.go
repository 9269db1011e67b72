package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/api"
)

// Whatever is asked is answered: as asked, or as a problem that says why not.
// It never is the server's own fault, and never takes long.
func FuzzRequest(f *testing.F) {
	for _, to := range table() {
		f.Add(to.method, to.path, "", "")
	}
	f.Add("POST", "/v1/commands", "", `{"verb":"stop","units":["service.api"]}`)
	f.Add("POST", "/v1/apply", "plan=x&no_rollback=true", "bundle")
	f.Add("GET", "/v1/logs", "grep=(&unit=../../etc/passwd&tail=1&since=2026-01-31T12:00:00Z", "")
	f.Add("GET", "/v1/events", "since=99999999999999999999&tail=1", "")
	f.Add("PUT", "/v1/../v1/status", "%", "{")
	f.Add("GET", "/v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "", "")
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		likeNetHTTP(t, []byte(method+" "+path+query+body))
		fake := fullFake()
		s := &Server{
			cfg: Config{System: fake, Operator: fake, Journal: fake, Breakers: fake, Metrics: fake.metrics, StateDir: t.TempDir()},
			log: hclog.NewNullLogger(), routes: byPath(table()), streams: make(chan struct{}, maxStreams),
		}
		s.open, s.shut = context.WithCancel(t.Context())
		defer s.shut()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // who follows never ends by himself
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, method, "http://x/", strings.NewReader(body))
		if err != nil {
			return
		}
		r.URL.Path, r.URL.RawQuery = path, query
		w := httptest.NewRecorder()
		s.dispatch(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %q?%q: %d %s", method, path, query, w.Code, w.Body)
		}
		if w.Code != http.StatusOK {
			var p api.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Detail == "" {
				t.Errorf("%s %q?%q: %d %s", method, path, query, w.Code, w.Body)
			}
		}
	})
}
