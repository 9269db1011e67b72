package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/statedir"
)

// What runs is asked from the engine; one that does not tell has left what it
// was started with.
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
		kept   bool             // there is units.json
		want   string
		note   string
	}{
		"it tells":              {answer(200, told), true, "service.api d r [service.db ready] stopped by anna [{degraded fail", ""},
		"an older one":          {answer(501, `{}`), true, "service.kept", ""},
		"an even older one":     {answer(404, `no`), true, "service.kept", ""},
		"nobody":                {nil, true, "service.kept", "not with how it is: ask for units: no engine answers."},
		"a broken one":          {answer(200, `{"units": [`), true, "service.kept", "not with how it is"},
		"a later one":           {answer(200, `{"format_version": "2.0"}`), true, "service.kept", "2.0"},
		"nobody and no file":    {nil, false, "", "what it was started with is not known"},
		"an older one, no file": {answer(501, `{}`), false, "", "what it was started with is not known"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			lock, err := statedir.Acquire(dir, statedir.Info{Name: "shop", Config: "/shop", PID: 1, Life: "l"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = lock.Release() }()
			if test.kept {
				if err := lock.WriteJSON(unitsFile, plan.Running{Units: []plan.RunningUnit{{ID: "service.kept"}}}); err != nil {
					t.Fatal(err)
				}
			}
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
			s, stderr := quietSession()
			facts, err := s.survey(t.Context(), &spec.System{StateDir: dir}, true)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if r := facts.Running; r != nil {
				u := r.Units[0]
				got = fmt.Sprint(u.ID, " ", u.Digest, " ", u.RunDigest, " ", u.Needs, " ", u.State, " ", u.Held, " ", r.Settings)
			}
			if !strings.Contains(got, test.want) || (test.want == "") != (facts.Running == nil) {
				t.Errorf("%q runs, want %q", got, test.want)
			}
			if (test.note == "") != (stderr.Len() == 0) || !strings.Contains(stderr.String(), test.note) {
				t.Errorf("note %q, want %q", stderr, test.note)
			}
		})
	}
}
