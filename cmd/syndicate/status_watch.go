package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/view"
)

const (
	drawAgain  = 100 * time.Millisecond // at the earliest, whatever happens
	lookForOne = 200 * time.Millisecond // between looks for an engine
)

// tiding is an event of the watched engine, or where it has none, that there
// is a reason to look whether one answers.
type tiding struct{ event *api.Event }

// watcher shows a system as it changes. Its engine tells of each change by
// the stream of events; the system is asked how it is only then and, as long
// as its table is on a terminal, for the memory of its units.
type watcher struct {
	session *session
	dir     string
	client  *client.Client
	view    *view.Watch

	status  api.Status // as it was last
	at      time.Time  // when that was
	gone    bool       // no engine answers
	silent  time.Time  // since when one that is there does not
	note    string
	changes bool // the status is not the last one
}

// watchStatus shows the status of a system until Ctrl-C, through the end and
// the next start of its engine.
func (s *session) watchStatus(dir, operand string) error {
	ctx, stop := interruptible()
	defer stop()
	w := &watcher{session: s, dir: dir, client: client.New(dir)}
	conf := view.WatchConfig{Out: s.stdout, Colour: s.stdout.colour}
	if s.stdout.terminal && os.Getenv("TERM") != "dumb" {
		conf.Size = func() (int, int) { return s.stdout.columns(), s.stdout.rows() }
	}
	w.view = view.NewWatch(conf)
	begin := time.Now() // before the first look: nothing falls between
	st, err := s.statusIn(ctx, dir, operand)
	if err != nil {
		return err
	}
	w.take(st)

	// A terminal that takes nothing does not keep Ctrl-C from ending this.
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = w.run(ctx, begin)
	}()
	select {
	case <-done:
		if err != nil && ctx.Err() == nil {
			return err
		}
	case <-ctx.Done():
		atMost(lastWords, done)
	}
	return exit(exitInterrupted)
}

// run shows the system until ctx ends or nothing can be shown.
func (w *watcher) run(ctx context.Context, begin time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	told, tidings, life := make(chan struct{}), make(chan tiding), w.status.Life
	go func() {
		defer close(told)
		w.listen(ctx, begin, life, tidings)
	}()
	defer func() {
		cancel()
		<-told
	}()
	if !w.view.Live() {
		return w.lines(ctx, tidings)
	}
	return errors.Join(w.table(ctx, tidings), w.view.Leave())
}

// take remembers how the system is.
func (w *watcher) take(st api.Status) {
	w.status, w.at = st, time.Now()
	w.gone, w.note, w.silent = st.State == api.SystemLost, "", time.Time{}
	if w.gone {
		w.note = awaited
	}
}

// awaited says why a system that has ended is still watched.
const awaited = "Waiting until it is started again; Ctrl-C ends this."

// look asks how the system is, and finds out what became of an engine that
// does not answer. It reports whether the system is in another state of
// being there, dead or stopped than before.
func (w *watcher) look(ctx context.Context) (turned bool) {
	before, was := w.status, w.gone
	st, err := w.client.Status(ctx)
	if err == nil {
		w.take(st)
		return was || st.PID != before.PID
	}
	info, held, ok, err := holder(w.dir)
	switch {
	case ctx.Err() != nil || err != nil:
		return false
	case held: // about to end or to start, or hanging
		if w.silent.IsZero() {
			w.silent = time.Now()
		}
		note := ""
		if time.Since(w.silent) > answerWait {
			note = fmt.Sprintf("The engine (pid %d) does not answer.", info.PID)
		}
		turned, w.note = note != w.note && note != "", note
		return turned
	case !ok:
		w.take(api.Status{Name: before.Name, State: api.SystemStopped, Units: []api.Unit{}, Now: time.Now()})
		w.gone, w.note = true, awaited
	default:
		lost, err := lostStatus(ctx, w.dir, info)
		if err != nil {
			return false
		}
		w.take(lost)
	}
	return !was || w.status.State != before.State
}

// listen tells what the engine's stream of events does, and looks for an
// engine while none answers.
func (w *watcher) listen(ctx context.Context, begin time.Time, life string, out chan<- tiding) {
	send := func(t tiding) error {
		select {
		case out <- t:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	q := client.EventQuery{Follow: true, Since: begin}
	for ctx.Err() == nil {
		err := w.client.Events(ctx, q, func(ev api.Event) error {
			q.After, q.Since = max(q.After, ev.Seq), ev.Time
			return send(tiding{&ev})
		})
		st := api.Status{Life: life}
		if _, refused := errors.AsType[*client.Error](err); !refused {
			st, err = w.client.Status(ctx)
		}
		// One that cut this reader off for being slow is asked again. What was
		// missed then is seen in the status.
		for err != nil && ctx.Err() == nil {
			_ = send(tiding{})
			select {
			case <-ctx.Done():
			case <-time.After(lookForOne):
			}
			st, err = w.client.Status(ctx)
		}
		if st.Life != life {
			// Another journal may count from the beginning.
			life, q.After, q.Since = st.Life, 0, later(q.Since.Add(1), st.Since)
		}
		_ = send(tiding{})
	}
}

// lines shows a line for each change.
func (w *watcher) lines(ctx context.Context, tidings <-chan tiding) error {
	if err := w.view.Begin(w.status); err != nil {
		return err
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case t := <-tidings:
			switch {
			case t.event != nil:
				err = w.view.Change(*t.event)
			case w.look(ctx):
				err = w.view.Note(time.Now(), w.turn())
			}
		}
		if err != nil {
			return err
		}
	}
}

// turn says what became of the engine.
func (w *watcher) turn() string {
	switch {
	case w.status.State == api.SystemLost:
		return fmt.Sprintf("%s. %s", view.Death(w.status), w.note)
	case w.gone:
		return fmt.Sprintf("%s: stopped. %s", w.status.Name, w.note)
	case w.note != "":
		return w.note
	}
	return fmt.Sprintf("%s: an engine (pid %d) answers again.", w.status.Name, w.status.PID)
}

// table draws the table when something has changed, and each second for the
// ages and the memory in it.
func (w *watcher) table(ctx context.Context, tidings <-chan tiding) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH, syscall.SIGTSTP)
	defer signal.Stop(signals)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	due := time.NewTimer(0)
	drawn := time.Now()
	for armed := true; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tidings:
			w.changes = true
			if !armed {
				armed = true
				due.Reset(max(0, drawAgain-time.Since(drawn)))
			}
			continue
		case <-due.C:
			armed = false
		case <-second.C:
			// Of what a unit has in memory no event tells.
			w.changes = w.changes || !w.gone && w.silent.IsZero()
		case sig := <-signals:
			if sig == syscall.SIGTSTP {
				if err := w.suspend(ctx); err != nil {
					return err
				}
			}
		}
		if w.changes && !armed {
			w.changes = false
			w.look(ctx)
		}
		drawn = time.Now()
		now := w.status
		now.Now = now.Now.Add(time.Since(w.at))
		if err := w.view.Draw(now, w.note); err != nil {
			return err
		}
	}
}

// suspend gives the terminal back and stops, until somebody continues it.
func (w *watcher) suspend(ctx context.Context) error {
	// The stop takes effect a moment after it was asked for.
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	if err := w.view.Suspend(); err != nil {
		return err
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
		return err
	}
	select {
	case <-continued:
	case <-ctx.Done():
	}
	return nil
}
