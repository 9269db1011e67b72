package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/server"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/engine/store"
	"github.com/syndicate/syndicate/handover"
	"github.com/syndicate/syndicate/statedir"
	"github.com/syndicate/syndicate/view"
)

// sight is how a system was at one moment, for whoever comes after its engine
// has died.
type sight struct {
	Seq    uint64 // of the last event before it
	Status api.Status
}

// saw keeps how the system is.
func (r *record) saw(st engine.Status) {
	text, err := json.Marshal(sight{r.seq, server.WireStatus(st, r.dir, time.Now())})
	if err == nil {
		_ = r.Put(factSight, text) // of one that is too large the one before serves, with what happened since
	}
}

// lost describes a system whose engine does not answer.
func (s *session) lost(ctx context.Context, dir, operand string) (api.Status, error) {
	info, held, ok, err := holder(dir)
	switch {
	case err != nil:
		return api.Status{}, err
	case !ok:
		return api.Status{}, s.absent(dir, operand)
	case held:
		return api.Status{}, s.silent(dir, info)
	}
	return lostStatus(ctx, dir, info)
}

// lostStatus describes a system whose engine has died: what it last was, by
// its journal, and what still runs.
func lostStatus(ctx context.Context, dir string, info statedir.Info) (api.Status, error) {
	left, err := leftovers(info)
	if err != nil {
		return api.Status{}, err
	}
	st, seen, err := lastSeen(ctx, dir, info.Life)
	if err != nil && ctx.Err() != nil {
		return api.Status{}, err
	}
	// A journal that is broken, too, keeps nobody from seeing the rest.
	if st.Units == nil {
		st.Units = []api.Unit{}
	}
	st.FormatVersion, st.Name, st.Config, st.StateDir = api.FormatVersion, info.Name, info.Config, dir
	st.Life, st.PID, st.Since, st.Now = info.Life, info.PID, info.Started, time.Now()
	st.State, st.Cause, st.Leftovers = api.SystemLost, "", left
	st.Kept = keptFor(dir)
	st.LastSign = later(seen, info.Started)
	if at, ok := statedir.Died(dir, info.Life); ok {
		st.Died, st.LastSign = at, later(st.LastSign, at)
	}
	for i := range st.Units {
		u := &st.Units[i]
		u.PID, u.Started, u.Next = 0, time.Time{}, time.Time{}
	}
	return st, nil
}

// lastSeen returns how a life was when its journal ends, and when that was.
func lastSeen(ctx context.Context, dir, life string) (st api.Status, seen time.Time, err error) {
	r, err := store.OpenReader(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return st, seen, nil
	}
	if err != nil {
		return st, seen, err
	}
	facts, err := r.List(ctx, factSight)
	if err != nil {
		return st, seen, err
	}
	var last sight
	for _, f := range facts {
		if json.Unmarshal(f.Value, &last) != nil || last.Status.Life != life {
			last = sight{}
		}
	}
	seen = last.Status.Now
	at := make(map[string]int, len(last.Status.Units))
	for i, u := range last.Status.Units {
		at[u.ID] = i
	}
	err = r.Each(ctx, store.Query{After: last.Seq}, func(events []event.Event) error {
		for _, ev := range events {
			if ev.Life != life {
				continue
			}
			seen = later(seen, ev.Time)
			if ev.Kind != event.Transition || ev.Unit == "" {
				continue
			}
			i, known := at[ev.Unit]
			if !known {
				i, at[ev.Unit] = len(last.Status.Units), len(last.Status.Units)
				last.Status.Units = append(last.Status.Units, api.Unit{ID: ev.Unit, Kind: ev.UnitKind})
			}
			follow(&last.Status.Units[i], wireEvent(ev))
		}
		return nil
	})
	return last.Status, seen, err
}

// follow has a unit be as a transition says.
func follow(u *api.Unit, ev api.Event) {
	u.State, u.Since, u.Cause, u.Attempt, u.Restarts = ev.To, ev.Time, ev.Cause, ev.Attempt, ev.Restarts
	if ev.To == string(engine.Starting) || ev.To == string(engine.Ready) || ev.To == string(engine.Completed) && ev.From == string(engine.Starting) {
		u.Cause = "" // a status says nothing of what goes well
	}
	u.WaitingFor = nil
	if ev.Exit != "" {
		u.LastExit = ev.Exit
	}
	if ev.To == string(engine.Ready) {
		u.ReadyAfter, u.Attempt = ev.Took, 0
	}
}

// leftovers lists what a dead engine left running.
func leftovers(info statedir.Info) ([]api.Leftover, error) {
	found, err := process.FindByLife(info.Life)
	if err != nil {
		return nil, err
	}
	var left []api.Leftover
	for _, l := range found {
		left = append(left, api.Leftover{PID: l.PID, Unit: l.Unit})
	}
	return left, nil
}

// slowEnd is how long what a dead engine left may take to end before it is
// said what is waited for.
const slowEnd = time.Second

// endLife ends what a dead engine left running: with SIGTERM, and SIGKILL
// after some time. Where that takes long, note tells who is waited for.
func endLife(info statedir.Info, patience time.Duration, note func(string)) (found []process.Leftover, err error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		found, err = process.EndLife(info.Life, syscall.SIGTERM, patience)
	}()
	begun := time.Now()
	for wait := slowEnd; ; wait = heartbeat {
		select {
		case <-ended:
			return found, err
		case <-time.After(wait):
		}
		if left, lookErr := leftovers(info); lookErr == nil && len(left) > 0 {
			note(view.EndingLeftovers(info.PID, left, patience-time.Since(begun)))
		}
	}
}

// keptFor lists the addresses that a dead engine's guardian keeps for the next
// one.
func keptFor(dir string) []string {
	in, err := handover.Ask(dir)
	if err != nil {
		return nil
	}
	defer in.Leave()
	var list []string
	for _, s := range in.Sockets {
		list = append(list, s.Name)
	}
	slices.Sort(list)
	return list
}

// tellDeath says, behind what a command could show without an engine, that
// this is all that there is.
func (s *session) tellDeath(dir string) {
	info, held, ok, err := holder(dir)
	if err != nil || held || !ok || s.quiet {
		return
	}
	_ = view.DeathNote(s.stderr, dead(dir, info), s.command("status")+" tells how everything was")
}

// tellEndsFirst says, beside a plan, that an engine died here and what up ends
// before all that the plan has.
func (s *session) tellEndsFirst(dir string) {
	info, held, ok, err := holder(dir)
	if err != nil || held || !ok || s.quiet {
		return
	}
	st := dead(dir, info)
	if st.Leftovers, err = leftovers(info); err == nil {
		_ = view.EndsFirst(s.stderr, st)
	}
}

// dead says of a system whose engine has died no more than that.
func dead(dir string, info statedir.Info) api.Status {
	st := api.Status{State: api.SystemLost, Name: info.Name, PID: info.PID}
	st.Died, _ = statedir.Died(dir, info.Life)
	return st
}

// withUnitsLost adds the units of a system whose engine has died to others, in
// order.
func withUnitsLost(ctx context.Context, dir string, known []string) []string {
	if info, held, ok, err := holder(dir); err == nil && ok && !held {
		st, _, _ := lastSeen(ctx, dir, info.Life) // what cannot be read is not known
		for _, u := range st.Units {
			known = append(known, u.ID)
		}
	}
	slices.Sort(known)
	return slices.Compact(known)
}
