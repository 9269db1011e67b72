package main

import (
	"time"

	"github.com/syndicate/syndicate/spec"
)

// window says which part of what was recorded is shown, and how.
type window struct {
	Follow bool   `name:"follow" short:"f" help:"Go on with what comes."`
	Since  string `name:"since" placeholder:"WHEN" help:"Only what has come since then: a duration such as 10m, or a time such as 2026-01-31T12:00:00Z."`
	Tail   *int   `name:"tail" placeholder:"N" help:"Only the last N, of all units together; 0 leaves out all that is there already."`
	JSON   bool   `name:"json" help:"One JSON object per line."`
}

// bounds reads --since and --tail; a tail of 0 is everything.
func (w window) bounds(now time.Time) (from time.Time, tail int, err error) {
	from, err = since(w.Since, now)
	switch {
	case err != nil || w.Tail == nil:
		return from, 0, err
	case *w.Tail < 0:
		return from, 0, usage("--tail %d: write a number from 0 on", *w.Tail)
	case *w.Tail == 0:
		return later(from, now), 0, nil
	}
	return from, *w.Tail, nil
}

// since reads the flag of that name; empty it stands for ever.
func since(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := spec.ParseDuration(text); err == nil {
		return now.Add(-d.Std()), nil
	}
	if at, ok := readTime(text); ok {
		return at, nil
	}
	return time.Time{}, usage("--since %q: write a duration such as 10m, or a time such as %s", text, now.UTC().Format(time.RFC3339))
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// readTime reads a time; one without a zone is local.
func readTime(s string) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return at, true
	}
	for _, layout := range []string{"2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}
