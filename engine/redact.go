package engine

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/syndicate/syndicate/spec"
)

// redactor replaces sensitive values in what is quoted of a unit's output.
// Log files stay verbatim.
type redactor struct {
	mu     sync.Mutex
	values []string          // longest first
	repl   *strings.Replacer // built from values when first needed
}

// shortest is the length from which a sensitive value is replaced: shorter
// ones would make holes in ordinary words.
const shortest = 6

// add learns a sensitive value.
func (r *redactor) add(v string) {
	if len(v) < shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.values, v) {
		r.values = append(r.values, v)
		r.repl = nil
	}
}

// addText learns v where it is sensitive.
func (r *redactor) addText(v spec.Text) {
	if v.IsSensitive() {
		r.add(v.Reveal())
	}
}

// clean returns s without any sensitive value. A value that spans lines is
// also found line by line.
func (r *redactor) clean(s string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.values) == 0 {
		return s
	}
	if r.repl == nil {
		slices.SortFunc(r.values, func(a, b string) int { return len(b) - len(a) })
		var pairs []string
		for _, v := range r.values {
			pairs = append(pairs, v, spec.Hidden)
			for line := range strings.Lines(v) {
				if line = strings.TrimRight(line, "\r\n"); len(line) >= shortest && line != v {
					pairs = append(pairs, line, spec.Hidden)
				}
			}
		}
		r.repl = strings.NewReplacer(pairs...)
	}
	return r.repl.Replace(s)
}

// conceal takes sensitive values out of why a run ended: the text goes on to
// status, events and whoever asked.
func (s *site) conceal(out *Outcome) {
	if out.Err == nil {
		return
	}
	text := out.Err.Error()
	if clean := s.redact.clean(text); clean != text {
		out.Err = errors.New(clean)
	}
}

// secretWords are what the name of a variable has when its value is secret.
var secretWords = []string{"PASS", "SECRET", "TOKEN", "KEY", "DSN", "WEBHOOK", "DATABASE_URL"}

// secretVariable reports whether a value from an env_file has to be
// replaced: they all are sensitive, but many are ordinary words.
func secretVariable(name, value string) bool {
	upper := strings.ToUpper(name)
	if slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(upper, w) }) {
		return true
	}
	_, rest, isURL := strings.Cut(value, "://")
	userinfo, _, hasUser := strings.Cut(rest, "@")
	return isURL && hasUser && strings.Contains(userinfo, ":")
}
