package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/store"
	"github.com/syndicate/syndicate/view"
)

// eventsCmd shows the journal, also after a crash and without an engine.
type eventsCmd struct {
	Addresses []string `arg:"" optional:"" name:"address" help:"Units, such as api, service.api or worker[a]; by default all of them, and the system as a whole." completion-predictor:"address"`

	window
}

// Run asks the engine, and reads its store where none answers.
func (c *eventsCmd) Run(s *session) error {
	q, err := c.query(time.Now())
	if err != nil {
		return err
	}
	if err := s.placed(c.Addresses); err != nil {
		return err
	}
	dir, err := s.stateDirOf("")
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if len(c.Addresses) > 0 {
		known, err := unitsWithEvents(ctx, dir)
		if err != nil {
			return s.unreadable(err)
		}
		if q.Units, err = s.pick(c.Addresses, known, nothingRan); err != nil {
			return err
		}
	}
	h := &history{dir: dir, query: q, follow: c.Follow}
	// The view is made once there is something to show: without a journal
	// there is nothing but the error.
	h.show = func() (eventView, error) { return c.view(s, q.Units) }
	err = h.read(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.absent(dir, "")
	case err != nil:
		return s.unreadable(err)
	case ctx.Err() != nil:
		return exit(exitInterrupted)
	}
	defer s.tellDeath(dir)
	return h.flush()
}

// unreadable says what becomes of a journal that is broken.
func (s *session) unreadable(err error) error {
	if _, ok := errors.AsType[*store.BrokenError](err); ok {
		return failWith(fmt.Errorf("%w; the next up sets it aside and begins a new one", err), s.here("up"))
	}
	return err
}

// query reads the flags.
func (c *eventsCmd) query(now time.Time) (store.Query, error) {
	from, tail, err := c.bounds(now)
	return store.Query{Since: from, Tail: tail}, err
}

// eventView shows events.
type eventView interface {
	Events([]api.Event) error
}

func (c *eventsCmd) view(s *session, units []string) (eventView, error) {
	if c.JSON {
		return view.NewEventJSON(s.stdout)
	}
	return view.NewEventText(s.stdout, view.EventOptions{Colour: s.stdout.colour, Units: units}), nil
}

// unitsWithEvents lists the units that the journal knows, those that have
// logs and those of the system that runs, in order.
func unitsWithEvents(ctx context.Context, dir string) ([]string, error) {
	known, err := unitsWithLogs(dir)
	if err != nil {
		return nil, err
	}
	r, err := store.OpenReader(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return nil, err
	}
	more, err := r.Units(ctx)
	if err != nil {
		return nil, err
	}
	known = append(known, more...)
	slices.Sort(known)
	return slices.Compact(known), nil
}

// history reads the journal: from the engine as long as one answers, and from
// the store otherwise, each event once.
type history struct {
	dir    string
	query  store.Query // for what was not read yet
	follow bool
	show   func() (eventView, error)
	view   eventView
	batch  []api.Event
}

// eventBatch bounds the events that are written at once.
const eventBatch = 256

// read reads to the end, or with follow until ctx ends, which is no error. It
// returns fs.ErrNotExist where there is no journal.
func (h *history) read(ctx context.Context) error {
	err := h.ask(ctx)
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, client.ErrNobody), errors.Is(err, client.ErrUnfinished), err == nil && h.follow:
		return h.look(ctx)
	case err == nil:
		return h.begin()
	}
	return err
}

// ask reads from the engine. One that cut this reader off is asked again for
// what it has not told.
func (h *history) ask(ctx context.Context) error {
	for {
		before := h.query.After
		q := h.query
		err := client.New(h.dir).Events(ctx, client.EventQuery{
			After: q.After, Since: q.Since, Units: q.Units, Tail: q.Tail, Follow: h.follow,
		}, func(ev api.Event) error {
			if !h.query.Since.IsZero() && ev.Time.Before(h.query.Since) {
				return nil // asked for by number, it knows no time
			}
			return h.add(ev, h.follow)
		})
		_, refused := errors.AsType[*client.Error](err)
		if !refused || h.query.After == before {
			return err
		}
	}
}

// look reads from the store.
func (h *history) look(ctx context.Context) error {
	r, err := store.OpenReader(h.dir)
	if err != nil {
		return err
	}
	if err := h.begin(); err != nil {
		return err
	}
	take := func(events []event.Event) error {
		for _, ev := range events {
			if err := h.add(wireEvent(ev), false); err != nil {
				return err
			}
		}
		return h.flush()
	}
	if h.follow {
		return r.Follow(ctx, h.query, take)
	}
	return r.Each(ctx, h.query, take)
}

// begin makes the view.
func (h *history) begin() (err error) {
	if h.view == nil {
		h.view, err = h.show()
	}
	return err
}

// add takes an event to show: at once, or with others.
func (h *history) add(ev api.Event, atOnce bool) error {
	if h.batch = append(h.batch, ev); ev.Seq > 0 {
		h.query.After, h.query.Tail = ev.Seq, 0
	}
	if !atOnce && len(h.batch) < eventBatch {
		return nil
	}
	return h.flush()
}

func (h *history) flush() error {
	if len(h.batch) == 0 {
		return nil
	}
	if err := h.begin(); err != nil {
		return err
	}
	err := h.view.Events(h.batch)
	h.batch = h.batch[:0]
	return err
}
