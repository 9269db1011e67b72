package view

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/syndicate/syndicate/api"
)

// EventJSON writes events as one JSON object per line. The first object has
// the type version and names the format's version.
type EventJSON struct {
	w   *bufio.Writer
	enc *json.Encoder
}

// eventLine is each further object.
type eventLine struct {
	Type string `json:"type"`
	api.Event
}

// NewEventJSON returns an EventJSON and writes the version.
func NewEventJSON(out io.Writer) (*EventJSON, error) {
	w := bufio.NewWriterSize(data(out), 32<<10)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(logVersion{"version", api.FormatVersion}); err != nil {
		return nil, err
	}
	return &EventJSON{w, enc}, w.Flush()
}

// Events writes events, at once.
func (j *EventJSON) Events(events []api.Event) error {
	for _, ev := range events {
		ev.Time = ev.Time.UTC()
		if !ev.Next.IsZero() {
			ev.Next = ev.Next.UTC()
		}
		if err := j.enc.Encode(eventLine{"event", ev}); err != nil {
			return err
		}
	}
	return j.w.Flush()
}

// maxUnitColumn bounds the column of units: what is longer sticks out.
const maxUnitColumn = 40

// EventText writes a line for each event: when, of which unit, what happened,
// and why and on whose behalf.
type EventText struct {
	out   io.Writer
	ink   ink
	where *time.Location
	width int // of the column of units
}

// EventOptions say how events are shown.
type EventOptions struct {
	Colour bool
	// Units are those that are expected, for the width of their column.
	Units []string
	// Location is where the times are told; nil: local ones.
	Location *time.Location
}

// NewEventText returns an EventText.
func NewEventText(out io.Writer, o EventOptions) *EventText {
	t := &EventText{out: out, ink: ink(o.Colour), where: o.Location}
	if t.where == nil {
		t.where = time.Local
	}
	for _, u := range o.Units {
		t.fit(u)
	}
	return t
}

func (t *EventText) fit(unit string) {
	t.width = max(t.width, min(ansi.StringWidth(printable(unit)), maxUnitColumn))
}

// Events writes events, at once.
func (t *EventText) Events(events []api.Event) error {
	for i := range events {
		t.fit(eventSubject(&events[i]))
	}
	var b strings.Builder
	for i := range events {
		b.WriteString(t.line(&events[i]) + "\n")
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}

// whatColumn is the width of the states and verbs.
const whatColumn = len("completed")

func (t *EventText) line(ev *api.Event) string {
	what := pad(printable(ev.To), whatColumn)
	if ev.Kind == api.EventCommand {
		what = t.ink.bold(what)
	} else {
		what = stateInk(t.ink, ev.To)(what)
	}
	line := t.ink.dim(ev.Time.In(t.where).Format("2006-01-02 15:04:05.000")) + "  " +
		pad(printable(eventSubject(ev)), t.width) + "  " + what
	if note := eventNote(ev); note != "" {
		return line + "  " + printable(note)
	}
	return strings.TrimRight(line, " ")
}

// eventSubject is what an event is about.
func eventSubject(ev *api.Event) string {
	switch {
	case ev.Unit != "":
		return ev.Unit
	case ev.Kind == api.EventEngine:
		return "engine"
	}
	return "system"
}

// eventNote is how, why, on whose behalf, and what comes next.
func eventNote(ev *api.Event) string {
	var parts []string
	if took := ev.Took.Duration(); took > 0 && (ev.To == "ready" && ev.From != "unhealthy" || ev.To == "completed" && ev.From == "starting") {
		parts = append(parts, "after "+seconds(took))
	}
	if ev.Attempt > 1 && ev.To == "starting" {
		parts = append(parts, fmt.Sprintf("attempt %d", ev.Attempt))
	}
	// That a unit starts or is ready is all there is to say, as a rule.
	plain := ev.To == "starting" || ev.To == "ready" || ev.To == "completed" && ev.From == "starting"
	if ev.Cause != "" && !(plain && ev.Kind == api.EventTransition) {
		parts = append(parts, headline(ev.Cause))
	}
	if begins := ev.To == "pending" || ev.To == "starting" || ev.To == "ready"; !begins && ev.Exit != "" && !strings.Contains(ev.Cause, ev.Exit) {
		parts = append(parts, ev.Exit)
	}
	if !ev.Next.IsZero() {
		parts = append(parts, "next attempt in "+seconds(max(0, ev.Next.Sub(ev.Time))))
	}
	if ev.Actor != "" && ev.Kind != api.EventTransition {
		parts = append(parts, "by "+ev.Actor)
	}
	return strings.Join(parts, "; ")
}
