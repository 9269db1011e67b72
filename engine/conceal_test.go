package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// TestCausesShowNoSensitiveValue follows an error that quotes a secret to
// wherever the cause of a failure is told.
func TestCausesShowNoSensitiveValue(t *testing.T) {
	const secret = "hunter2hunter2"
	tr := newTrial(t)
	tr.service("api", "sh:exit 1", func(s *spec.Service) {
		s.Env = []spec.EnvVar{
			{Name: "PASSWORD", Value: spec.Known(spec.Sensitive(secret))},
			{Name: "URL", Value: spec.Later("…", spec.Range{}, nil, func(spec.Lookup) (spec.Text, error) {
				return spec.Text{}, errors.New("no URL: " + secret)
			})},
		}
	})
	tr.up()
	ev := tr.until("service.api", Failed, 1)
	r := tr.end()
	st := tr.engine.Status()
	for what, text := range map[string]string{
		"event": ev.Cause, "unit": tr.status("service.api").Cause, "system": st.Cause, "result": r.Failure, "degraded": strings.Join(r.Degraded, " "),
	} {
		if strings.Contains(text, secret) || !strings.Contains(text, "no URL: "+spec.Hidden) {
			t.Errorf("%s: %q", what, text)
		}
	}
}
