package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/store"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

const (
	redraw    = 100 * time.Millisecond // of the status line
	heartbeat = 10 * time.Second       // without a terminal
	quoted    = 10                     // last lines of a log in a message
	named     = 3                      // units that are named as waited for
)

// upDisplay hands what happens to the view, in a goroutine of its own: the
// engine never waits for a terminal.
type upDisplay struct {
	session *session
	screen  *view.Screen
	view    *view.Up
	units   []string // for the columns
	summary string   // of what is started
	engine  *engine.Engine

	mu    sync.Mutex
	queue []func()
	wake  chan struct{}

	ticker *time.Ticker // runs while something is waited for
	every  time.Duration

	// The display's goroutine alone has these.
	up    bool // everything was started
	sys   *spec.System
	fatal map[string]bool // units without which the system fails
}

func newUpDisplay(s *session, sys *spec.System, p *plan.Plan) *upDisplay {
	d := &upDisplay{session: s, units: unitsOf(p), summary: summary(p), wake: make(chan struct{}, 1), every: heartbeat}
	d.take(sys, p)
	var width func() int
	if s.stderr.terminal {
		width, d.every = s.stderr.columns, redraw
	}
	d.screen = view.NewScreen(s.stderr, width)
	d.view = view.NewUp(view.UpConfig{
		Screen: d.screen, Colour: s.stderr.colour, Quiet: s.quiet, Units: d.units,
		Tail: func(unit string) []string { return d.engine.Tail(unit, quoted) },
		Fatal: func(unit string) bool {
			if d.up {
				return d.fatal[unit] && d.sys.OnFailure == "stop"
			}
			return d.fatal[unit] || d.sys.Degraded == "fail"
		},
	})
	return d
}

// take remembers what is declared.
func (d *upDisplay) take(sys *spec.System, p *plan.Plan) {
	d.sys, d.fatal = sys, make(map[string]bool, len(p.Steps))
	for _, step := range p.Steps {
		d.fatal[step.ID] = step.Critical
	}
}

// declared is told that something else is declared now.
func (d *upDisplay) declared(sys *spec.System, p *plan.Plan) {
	d.post(func() { d.take(sys, p) })
}

// post has f called by the display's goroutine. It never blocks.
func (d *upDisplay) post(f func()) {
	d.mu.Lock()
	d.queue = append(d.queue, f)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// observe is told of each transition by the engine's loop.
func (d *upDisplay) observe(ev event.Event) {
	switch ev.Kind {
	case event.Transition:
		ev.Cause = d.session.spelt(ev.Cause)
		d.post(func() { d.view.Event(wireEvent(ev)) })
	case event.Command:
		d.post(func() { d.view.Command(wireEvent(ev)) })
	case event.Breaker, event.Notice:
		d.post(func() { d.view.Told(wireEvent(ev)) })
	}
}

// wireEvent is an event as clients are told it.
func wireEvent(ev event.Event) api.Event {
	return api.Event{
		Seq: ev.Seq, Time: ev.Time, Life: ev.Life, Kind: string(ev.Kind), Unit: ev.Unit, UnitKind: ev.UnitKind,
		From: ev.From, To: ev.To, Cause: ev.Cause, Actor: ev.Actor, Run: ev.Run, Attempt: ev.Attempt,
		Restarts: ev.Restarts, Took: api.Seconds(ev.Took.Seconds()), Next: ev.Next, Exit: ev.Exit,
	}
}

// settled is told by the engine's loop that everything was started.
func (d *upDisplay) settled(state engine.Health, cause string) {
	d.post(func() {
		d.up = true
		d.ticker.Stop()
		d.view.Settled(string(state), cause, d.summary)
	})
}

// summary counts the units of a plan.
func summary(p *plan.Plan) string {
	kinds := []struct {
		kind      plan.StepKind
		one, many string
	}{
		{plan.StepServer, "database", "databases"},
		{plan.StepBreaker, "breaker", "breakers"},
		{plan.StepService, "service", "services"},
		{plan.StepTask, "task", "tasks"},
	}
	text := ""
	for _, k := range kinds {
		n, word := 0, k.many
		for _, s := range p.Steps {
			if s.Kind == k.kind {
				n++
			}
		}
		if n == 1 {
			word = k.one
		}
		if n > 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%d %s", n, word)
		}
	}
	if text == "" {
		return "nothing is declared"
	}
	return text
}

// stopping says that the shutdown begins, to the service manager, too.
func (d *upDisplay) stopping(cause string, again bool) {
	_ = d.session.manager.tell("STOPPING=1") // it finds the end without it, too
	d.post(func() {
		d.ticker.Reset(d.every)
		d.view.Stopping(cause, again)
	})
}

// waitForDisk says why the end takes so long, if it does until it is over.
func (d *upDisplay) waitForDisk(stateDir string) (over func() bool) {
	return time.AfterFunc(store.Stall, func() {
		d.post(func() {
			d.view.Print("Everything has stopped. This process ends once the disk of " + stateDir + " answers.")
		})
	}).Stop
}

// Write shows what the engine itself logs.
func (d *upDisplay) Write(p []byte) (int, error) {
	text := bytes.Clone(p)
	d.post(func() { _, _ = d.screen.Write(text) })
	return len(p), nil
}

// lastWords bounds how long the end waits for an output that takes nothing.
const lastWords = 2 * time.Second

// start begins to show, the merged output too unless merger is nil. The
// function that it returns shows the rest, has last say the last words, and
// waits for that as long as lastWords allows.
func (d *upDisplay) start(eng *engine.Engine, merger *log.Merger) func(last func()) {
	d.engine = eng
	d.ticker = time.NewTicker(d.every)
	quit, logged, shown := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(shown)
		d.loop(quit)
	}()
	go func() {
		defer close(logged)
		if merger == nil {
			return
		}
		_ = merger.Run(context.Background(), d.console())
	}()
	return func(last func()) {
		if merger != nil {
			merger.Stop()
		}
		atMost(lastWords, logged)
		d.post(last)
		close(quit)
		atMost(lastWords, shown)
	}
}

func atMost(d time.Duration, done <-chan struct{}) {
	select {
	case <-done:
	case <-time.After(d):
	}
}

// loop shows what is posted, and what is waited for.
func (d *upDisplay) loop(quit <-chan struct{}) {
	defer d.ticker.Stop()
	for {
		select {
		case <-d.wake:
			d.drain()
		case <-d.ticker.C:
			d.view.Waiting(waitedFor(waitedUnits(d.engine.Status()), !d.screen.Live()))
			d.view.Flush()
		case <-quit:
			d.drain()
			d.screen.Status("")
			return
		}
	}
}

func (d *upDisplay) drain() {
	d.mu.Lock()
	queue := d.queue
	d.queue = nil
	d.mu.Unlock()
	for _, f := range queue {
		f()
	}
	d.view.Flush()
}

// waitedFor names the units that everything else waits for. A line of its own
// has room for what their probes have seen.
func waitedFor(list []api.Waiting, room bool) []string {
	var texts []string
	for i, w := range list {
		if i == named {
			return append(texts, fmt.Sprintf("%d more", len(list)-named))
		}
		text := fmt.Sprintf("%s (%s %s", w.Unit, w.State, time.Since(w.Since).Truncate(100*time.Millisecond))
		switch full := room || len(list) == 1; {
		case full && w.Seen != "":
			text += ": " + w.Seen
		case full && len(w.For) > 0:
			text += ", for " + strings.Join(w.For, ", ")
		}
		texts = append(texts, text+")")
	}
	return texts
}

// console returns what shows the merged output: on the screen where a person
// looks at both streams, else on stdout alone.
func (d *upDisplay) console() func([]log.Line) error {
	out := d.session.stdout
	var w io.Writer = out
	if out.terminal && d.screen.Live() {
		w = d.screen
	}
	console := view.NewConsole(view.ConsoleConfig{Out: w, Colour: out.colour, Units: d.units})
	var lines []view.LogLine
	return func(batch []log.Line) error {
		lines = lines[:0]
		for _, l := range batch {
			lines = append(lines, view.LogLine{
				Unit: l.Unit, Stream: l.Stream.String(), Time: l.Time, Text: l.Text, Continued: l.Continued,
			})
		}
		// A terminal that is gone is no reason to stop reading.
		_ = console.Lines(lines)
		return nil
	}
}
