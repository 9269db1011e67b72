package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
)

// unitsText is the JSON form of the units at the last look, kept since most
// looks in a row see the same of most units: encoding them is nearly all that
// a status costs.
type unitsText struct {
	units []engine.UnitStatus
	each  [][]byte // of each of them
	text  []byte   // of the list, and of the end of the status
}

// of returns the JSON form of a list of units with what ends a status, which
// the caller must not change.
func (u *unitsText) of(st engine.Status) ([]byte, error) {
	same := len(st.Units) > 0 && len(st.Units) == len(u.units) && &st.Units[0] == &u.units[0]
	if u.text != nil && (same || slices.EqualFunc(st.Units, u.units, sameUnit)) {
		u.units = st.Units
		return u.text, nil
	}
	each := make([][]byte, len(st.Units))
	for i, unit := range st.Units {
		if i < len(u.units) && sameUnit(unit, u.units[i]) {
			each[i] = u.each[i]
			continue
		}
		text, err := json.Marshal(wireUnit(unit))
		if err != nil {
			return nil, err
		}
		each[i] = text
	}
	text := append([]byte{'['}, bytes.Join(each, []byte{','})...)
	u.units, u.each, u.text = st.Units, each, append(text, "]}\n"...)
	return u.text, nil
}

// sameUnit compares two looks at a unit: in full, since a reader must see every
// change, and by hand, since reflection costs half as much as encoding.
func sameUnit(a, b engine.UnitStatus) bool {
	return a.ID == b.ID && a.Kind == b.Kind && a.State == b.State && a.Critical == b.Critical &&
		a.Since.Equal(b.Since) && a.Started.Equal(b.Started) && a.ReadyAfter == b.ReadyAfter &&
		a.PID == b.PID && a.Memory == b.Memory && a.MemoryOfCgroup == b.MemoryOfCgroup && a.Port == b.Port && a.URL == b.URL &&
		a.Attempt == b.Attempt && a.Restarts == b.Restarts && slices.Equal(a.WaitingFor, b.WaitingFor) &&
		a.Next.Equal(b.Next) && a.Seen == b.Seen && a.Cause == b.Cause && a.LastExit == b.LastExit && a.Held == b.Held &&
		(a.Database == nil) == (b.Database == nil) && (a.Database == nil || reflect.DeepEqual(a.Database, b.Database)) &&
		(a.Breaker == nil) == (b.Breaker == nil) && (a.Breaker == nil || reflect.DeepEqual(a.Breaker, b.Breaker))
}

// maxLines bounds the lines of a log that come with a status.
const maxLines = 100

// quote adds the last lines of those units whose lines may tell what is
// wrong.
func (s *Server) quote(st *api.Status, n int) {
	for i := range st.Units {
		switch u := &st.Units[i]; engine.State(u.State) {
		case engine.Starting, engine.Stopping, engine.Unhealthy, engine.Backoff, engine.Failed:
			u.Lines = s.cfg.Tail(u.ID, min(n, maxLines))
		}
	}
}

// status answers with a snapshot.
func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	if n := number(r, "lines"); n > 0 && s.cfg.Tail != nil {
		st := WireStatus(s.cfg.System.Status(), s.cfg.StateDir, time.Now())
		s.quote(&st, n)
		answer(w, http.StatusOK, jsonType, st)
		return
	}
	head, rest, err := s.statusText()
	if err != nil {
		fail(w, http.StatusInternalServerError, "the status cannot be written: "+err.Error())
		return
	}
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(head)+len(rest)))
	for _, part := range [][]byte{head, rest} {
		_, _ = w.Write(part) // the client is gone, which is its affair
	}
}

// statusText returns the two parts of a snapshot's JSON form, of which nobody
// may change the second.
func (s *Server) statusText() (head, rest []byte, err error) {
	s.ask.Lock()
	defer s.ask.Unlock()
	return s.written(s.cfg.System.Measured())
}

// statusTextNow is statusText where that needs no waiting; else ok is false.
func (s *Server) statusTextNow() (head, rest []byte, ok bool) {
	if !s.ask.TryLock() {
		return nil, nil, false
	}
	defer s.ask.Unlock()
	st, ok := s.cfg.System.MeasuredNow()
	if !ok {
		return nil, nil, false
	}
	head, rest, err := s.written(st)
	return head, rest, err == nil
}

// written returns the two parts of the JSON form of a snapshot. s.ask is held.
func (s *Server) written(st engine.Status) (head, rest []byte, err error) {
	if rest, err = s.seen.of(st); err != nil {
		return nil, nil, err
	}
	head, err = s.head.of(st, s.cfg.StateDir, time.Now())
	return head, rest, err
}

// headText is the JSON form of the system at the last look, before the list of
// units, around the time of the look.
type headText struct {
	st            engine.Status
	before, after []byte
}

// of returns the JSON form of a status up to its units.
func (h *headText) of(st engine.Status, stateDir string, now time.Time) ([]byte, error) {
	st.Units = nil
	if h.before == nil || !sameSystem(st, h.st) {
		text, err := json.Marshal(WireStatus(st, stateDir, now))
		if err != nil {
			return nil, err
		}
		// The list of units, empty here, is the last member.
		text, last := bytes.CutSuffix(text, []byte("[]}"))
		before, after, found := bytes.Cut(text, []byte(`"now":"`))
		_, after, ends := bytes.Cut(after, []byte(`"`))
		if !last || !found || !ends {
			return nil, errors.New("its members are others than they were")
		}
		h.st, h.before, h.after = st, before, after
	}
	text := make([]byte, 0, len(h.before)+len(h.after)+64)
	text = append(append(text, h.before...), `"now":"`...)
	text = now.AppendFormat(text, time.RFC3339Nano)
	return append(append(text, '"'), h.after...), nil
}

// sameSystem compares two looks at a system but for its units.
func sameSystem(a, b engine.Status) bool {
	return a.Name == b.Name && a.Config == b.Config && a.Life == b.Life && a.PID == b.PID && a.Since.Equal(b.Since) &&
		a.State == b.State && a.Cause == b.Cause && maps.Equal(a.Holds, b.Holds) &&
		len(a.Notices) == len(b.Notices) && (len(a.Notices) == 0 || reflect.DeepEqual(a.Notices, b.Notices))
}
