package server

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/syndicate/syndicate/api"
)

// How often a stop is looked at, and how often an event comes without change.
const (
	downLook  = 50 * time.Millisecond
	downPulse = time.Second
)

// down stops the system and tells how far it is until all has stopped. A
// client that goes away changes nothing about the stop.
func (s *Server) down(w http.ResponseWriter, r *http.Request) {
	var req api.DownRequest
	if !decode(w, r, "down request", &req) {
		return
	}
	// What runs before the first stop is what there is to tell of.
	t := teller{began: time.Now(), gone: map[string]bool{}}
	for _, u := range s.snapshot().Units {
		t.gone[u.ID] = over(u)
	}
	out := newStream(w, r)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = s.cfg.System.Stop(out.ctx, cmp.Or(req.Cause, "down"))
	}()
	defer func() {
		out.end(nil)
		<-stopped
	}()
	if req.Hurry {
		s.cfg.System.Hurry()
	}
	tick := time.NewTicker(downLook)
	defer tick.Stop()
	for {
		select {
		case <-stopped:
			if out.ctx.Err() == nil {
				p, _ := t.look(s.snapshot())
				p.Done = true
				out.send("", p)
			}
			return
		case <-out.ctx.Done():
			return
		case <-tick.C:
			if p, changed := t.look(s.snapshot()); changed && !out.send("", p) {
				return
			}
		}
	}
}

// teller sees what has changed since it looked last.
type teller struct {
	began time.Time
	told  time.Time
	last  api.DownProgress
	gone  map[string]bool // units that need no stop any more
}

// look returns how far the stop is, and whether that is worth an event.
func (t *teller) look(st api.Status) (api.DownProgress, bool) {
	var p api.DownProgress
	// Those that stopped between two looks are told in the order in which
	// they did.
	units := slices.Clone(st.Units)
	slices.SortStableFunc(units, func(a, b api.Unit) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID))
	})
	for _, u := range units {
		switch {
		case over(u):
			if !t.gone[u.ID] {
				t.gone[u.ID] = true
				p.Stopped = append(p.Stopped, u.ID)
			}
		case u.State == "stopping":
			p.Stopping = append(p.Stopping, u.ID)
		default:
			p.Waiting = append(p.Waiting, u.ID)
		}
	}
	slices.Sort(p.Stopping)
	slices.Sort(p.Waiting)
	now := time.Now()
	p.Elapsed = api.Seconds(now.Sub(t.began).Seconds())
	changed := len(p.Stopped) > 0 || !slices.Equal(p.Stopping, t.last.Stopping) ||
		!slices.Equal(p.Waiting, t.last.Waiting) || now.Sub(t.told) >= downPulse
	if changed {
		t.last, t.told = p, now
	}
	return p, changed
}

// over reports whether nothing of a unit runs that would have to stop.
func over(u api.Unit) bool {
	switch u.State {
	case "stopped", "completed", "blocked":
		return true
	case "failed", "backoff", "pending":
		return u.PID == 0
	}
	return false
}
