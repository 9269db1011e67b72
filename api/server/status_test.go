package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/engine"
)

// What is kept of the last look is never told for another one.
func TestStatusIsNeverOld(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	serve(t, dir, f)
	for _, state := range []engine.State{engine.Ready, engine.Ready, engine.Unhealthy, engine.Ready} {
		f.set(state)
		st, err := client.New(dir).Status(t.Context())
		if err != nil || st.Units[0].State != string(state) || len(st.Units) != 2 || st.StateDir != dir || st.Now.IsZero() {
			t.Errorf("%s: %+v, %v", state, st, err)
		}
	}
	for _, cause := range []string{"", `"now":"yesterday"`, ""} {
		f.mu.Lock()
		f.cause = cause
		f.mu.Unlock()
		before := time.Now()
		st, err := client.New(dir).Status(t.Context())
		if err != nil || st.Cause != cause || st.Now.Before(before.Truncate(0)) || st.Now.After(time.Now()) {
			t.Errorf("%s: %+v, %v", cause, st, err)
		}
	}
	f.mu.Lock()
	f.units = nil
	f.mu.Unlock()
	if st, err := client.New(dir).Status(t.Context()); err != nil || st.Units == nil || len(st.Units) != 0 {
		t.Errorf("without units: %+v, %v", st, err)
	}
}

// Lines come for those units only that are not well, and when they are asked
// for.
func TestStatusWithLines(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	serve(t, dir, f)
	for _, tt := range []struct {
		state engine.State
		ask   int
		want  int
	}{{engine.Starting, 0, 0}, {engine.Starting, 3, 3}, {engine.Failed, 1000, maxLines}, {engine.Ready, 3, 0}} {
		f.set(tt.state)
		st, err := client.New(dir).StatusWithLines(t.Context(), tt.ask)
		if err != nil || len(st.Units) != 2 || len(st.Units[0].Lines) != tt.want || st.Units[1].Lines != nil {
			t.Errorf("%s: %+v, %v", tt.state, st.Units, err)
		}
	}
}

func TestEveryFieldOfAStatusIsCompared(t *testing.T) {
	for i := range reflect.TypeFor[engine.Status]().NumField() {
		name := reflect.TypeFor[engine.Status]().Field(i).Name
		var a, b engine.Status
		fill(reflect.ValueOf(&b).Elem().Field(i))
		if sameSystem(a, b) != (name == "Units") || !sameSystem(a, a) || !sameSystem(b, b) {
			t.Errorf("%s is not compared", name)
		}
	}
}

func TestEveryFieldOfAUnitIsCompared(t *testing.T) {
	for i := range reflect.TypeFor[engine.UnitStatus]().NumField() {
		var a, b engine.UnitStatus
		field := reflect.ValueOf(&b).Elem().Field(i)
		fill(field)
		if sameUnit(a, b) || !sameUnit(a, a) || !sameUnit(b, b) {
			t.Errorf("%s is not compared", reflect.TypeFor[engine.UnitStatus]().Field(i).Name)
		}
	}
}

// BenchmarkStatus answers with a hundred units.
func BenchmarkStatus(b *testing.B) {
	f := newFake()
	f.units = nil
	for i := range 100 {
		f.units = append(f.units, engine.UnitStatus{
			ID: fmt.Sprintf("service.s%d", i), Kind: "service", State: engine.Ready, Critical: true,
			Since: time.Now(), Started: time.Now(), ReadyAfter: time.Millisecond, PID: 1000 + i, Attempt: 1,
		})
	}
	s := &Server{cfg: Config{System: f}, log: hclog.NewNullLogger(), routes: byPath(table())}
	s.open, s.shut = context.WithCancel(b.Context())
	defer s.shut()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, api.PathStatus, nil)
	for b.Loop() {
		s.dispatch(httptest.NewRecorder(), r)
	}
}
