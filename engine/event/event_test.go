package event_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/event"
)

func full() event.Event {
	at := time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)
	return event.Event{
		Seq: 7, Time: at, Life: "a1", Kind: event.Transition, Unit: "service.api", UnitKind: "service",
		From: "starting", To: "backoff", Cause: "exit status 1", Actor: "root (uid 0)", Run: 2, Attempt: 3,
		Took: 1500 * time.Millisecond, Next: at.Add(time.Second), Exit: "exit status 1",
	}
}

// The JSON form is a promise: journals of earlier versions are read with it.
func TestJSONForm(t *testing.T) {
	tests := []struct {
		name string
		ev   event.Event
		want string
	}{
		{"all fields", full(), `{"seq":7,"time":"2026-11-23T12:00:00.123456789Z","life":"a1","kind":"transition",` +
			`"unit":"service.api","unit_kind":"service","from":"starting","to":"backoff","cause":"exit status 1",` +
			`"actor":"root (uid 0)","run":2,"attempt":3,"took_seconds":1.5,"next":"2026-11-23T12:00:01.123456789Z","exit":"exit status 1"}`},
		{"what says nothing is left out", event.Event{Time: full().Time, Kind: event.Engine},
			`{"time":"2026-11-23T12:00:00.123456789Z","kind":"engine"}`},
		{"times are UTC", event.Event{Time: full().Time.In(time.FixedZone("", 3600)), Kind: event.System},
			`{"time":"2026-11-23T12:00:00.123456789Z","kind":"system"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.ev)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
			var back event.Event
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.ev, back); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestJSONOfOthers(t *testing.T) {
	tests := []struct {
		name, text string
		took       time.Duration
		fails      bool
	}{
		{"a later version's fields", `{"kind":"weather","time":"2026-01-01T00:00:00Z","colour":"red"}`, 0, false},
		{"longer than a duration can be", `{"took_seconds":1e300}`, math.MaxInt64, false},
		{"shorter than a duration can be", `{"took_seconds":-1e300}`, math.MinInt64, false},
		{"no object", `[]`, 0, true},
		{"a number as text", `{"run":"2"}`, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ev event.Event
			err := json.Unmarshal([]byte(tt.text), &ev)
			if (err != nil) != tt.fails {
				t.Fatalf("error %v", err)
			}
			if ev.Took != tt.took {
				t.Errorf("took %d, want %d", ev.Took, tt.took)
			}
		})
	}
}

func TestJSONKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		at := rapid.Int64Range(0, 1<<62)
		ev := event.Event{
			Seq:  rapid.Uint64Range(0, math.MaxInt64).Draw(t, "seq"),
			Time: time.Unix(0, at.Draw(t, "time")).UTC(),
			Kind: event.Kind(text.Draw(t, "kind")), Unit: text.Draw(t, "unit"), Cause: text.Draw(t, "cause"),
			Actor: text.Draw(t, "actor"), Run: rapid.Int().Draw(t, "run"),
			Took: time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "took")),
			Next: time.Unix(0, at.Draw(t, "next")).UTC(),
		}
		data, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		var back event.Event
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ev, back); diff != "" {
			t.Fatal(diff)
		}
	})
}
