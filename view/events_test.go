package view

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/syndicate/syndicate/api"
)

func someEvents() []api.Event {
	at := time.Date(2026, 11, 23, 12, 0, 0, 5_000_000, time.UTC)
	return []api.Event{
		{Seq: 1, Time: at, Kind: api.EventSystem, From: "", To: "starting"},
		{Seq: 2, Time: at, Kind: api.EventTransition, Unit: "service.api", UnitKind: "service", From: "pending", To: "starting", Run: 1, Attempt: 1},
		{
			Seq: 3, Time: at.Add(time.Second), Kind: api.EventTransition, Unit: "service.api", From: "starting", To: "backoff",
			Cause: "exit status 1 \x1b[31m", Exit: "exit status 1", Next: at.Add(1500 * time.Millisecond), Attempt: 1,
		},
		{Seq: 4, Time: at.Add(2 * time.Second), Kind: api.EventTransition, Unit: "service.api", To: "starting", Attempt: 2},
		{Seq: 5, Time: at.Add(3 * time.Second), Kind: api.EventTransition, Unit: "service.api", From: "starting", To: "ready", Took: 0.02},
		{Seq: 6, Time: at.Add(4 * time.Second), Kind: api.EventCommand, Unit: "service.api", To: "stop", Actor: "ada (uid 1000, pid 42)"},
		{Seq: 7, Time: at.Add(5 * time.Second), Kind: api.EventTransition, Unit: "database.main.migrations", From: "starting", To: "completed", Took: 1.5},
		{Seq: 8, Time: at.Add(6 * time.Second), Kind: api.EventEngine, Cause: "2 events are missing\nhere"},
		{Seq: 9, Time: at.Add(7 * time.Second), Kind: "weather", To: "rain"},
	}
}

func TestEventText(t *testing.T) {
	const want = `2026-11-23 12:00:00.005  system                    starting
2026-11-23 12:00:00.005  service.api               starting
2026-11-23 12:00:01.005  service.api               backoff    exit status 1 \u001b[31m; next attempt in 500ms
2026-11-23 12:00:02.005  service.api               starting   attempt 2
2026-11-23 12:00:03.005  service.api               ready      after 20ms
2026-11-23 12:00:04.005  service.api               stop       by ada (uid 1000, pid 42)
2026-11-23 12:00:05.005  database.main.migrations  completed  after 1.50s
2026-11-23 12:00:06.005  engine                               2 events are missing …
2026-11-23 12:00:07.005  system                    rain
`
	var b bytes.Buffer
	if err := NewEventText(&b, EventOptions{Location: time.UTC}).Events(someEvents()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// One by one, as they come, they stand in the same columns where the units
// are known; and nothing but colour comes with colour.
func TestEventTextAsItComes(t *testing.T) {
	var whole, each, coloured bytes.Buffer
	if err := NewEventText(&whole, EventOptions{Location: time.UTC}).Events(someEvents()); err != nil {
		t.Fatal(err)
	}
	o := EventOptions{Location: time.UTC, Units: []string{"database.main.migrations"}}
	single := NewEventText(&each, o)
	o.Colour = true
	painted := NewEventText(&coloured, o)
	for _, ev := range someEvents() {
		if err := single.Events([]api.Event{ev}); err != nil {
			t.Fatal(err)
		}
		if err := painted.Events([]api.Event{ev}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(whole.String(), each.String()); diff != "" {
		t.Error(diff)
	}
	if !bytes.Contains(coloured.Bytes(), []byte("\x1b[32mready    \x1b[0m")) {
		t.Errorf("no colour: %q", coloured.String())
	}
}

func TestEventJSON(t *testing.T) {
	const want = `{"type":"version","format_version":"1.0"}
{"type":"event","seq":3,"time":"2026-11-23T12:00:01.005Z","kind":"transition","unit":"service.api","from":"starting","to":"backoff","cause":"exit status 1 \u001b[31m","attempt":1,"next":"2026-11-23T12:00:01.505Z","exit":"exit status 1"}
`
	var b bytes.Buffer
	j, err := NewEventJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Events(someEvents()[2:3]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
