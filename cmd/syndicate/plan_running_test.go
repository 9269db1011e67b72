package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/statedir"
)

// What runs is asked from the engine; without an answer there is no plan.
func TestSurveyAsksTheEngine(t *testing.T) {
	answer := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != api.PathUnits {
				status = http.StatusNotFound
			}
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
	}
	const told = `{"format_version": "1.0", "later": 1, "settings": [{"name": "degraded", "text": "fail"}],
		"units": [{"id": "service.api", "digest": "d", "run_digest": "r", "needs": ["service.db ready"], "state": "stopped", "held": "by anna"}]}`
	tests := map[string]struct {
		engine http.HandlerFunc // nil: nobody answers
		want   string
		err    string
	}{
		"it tells":     {answer(200, told), "service.api d r [service.db ready] stopped by anna [{degraded fail", ""},
		"an older one": {answer(501, `{"detail": "this engine has no units to compare with"}`), "", "no units to compare with"},
		"nobody":       {nil, "", "the engine of shop (pid 1) does not answer"},
		"a broken one": {answer(200, `{"units": [`), "", "compare with what runs: ask for units: read answer"},
		"a later one":  {answer(200, `{"format_version": "2.0"}`), "", "2.0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			lock, err := statedir.Acquire(dir, statedir.Info{Name: "shop", Config: "/shop", PID: 1, Life: "l"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = lock.Release() }()
			if test.engine != nil {
				listener, err := api.Listen(dir)
				if err != nil {
					t.Fatal(err)
				}
				server := httptest.NewUnstartedServer(test.engine)
				_ = server.Listener.Close()
				server.Listener = listener
				server.Start()
				defer server.Close()
			}
			s, _ := quietSession()
			facts, err := s.survey(t.Context(), &spec.System{StateDir: dir}, true)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r := facts.Running
			u := r.Units[0]
			got := fmt.Sprint(u.ID, " ", u.Digest, " ", u.RunDigest, " ", u.Needs, " ", u.State, " ", u.Held, " ", r.Settings)
			if !strings.Contains(got, test.want) {
				t.Errorf("%q runs, want %q", got, test.want)
			}
		})
	}
}
