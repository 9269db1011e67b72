package main

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/view"
)

// logBatch bounds the lines that are written at once.
const logBatch = 256

// readLines hands lines to the view as the engine tells them, and as the
// files have them where no engine answers, or once it has ended.
func readLines(ctx context.Context, cl *client.Client, q log.Query, show lineView) error {
	out := &lineWriter{show: show, most: logBatch}
	if q.Follow {
		out.most = 1
	}
	asked := client.LogQuery{Units: q.Units, Since: q.Since, Tail: q.Tail, Follow: q.Follow}
	if q.Grep != nil {
		asked.Grep = q.Grep.String()
	}
	var told progressOfLogs
	err := cl.Logs(ctx, asked, func(l api.LogLine) error {
		told.add(l.Unit, l.Time)
		return out.add(view.LogLine{Unit: l.Unit, Stream: l.Stream, Time: l.Time, Text: l.Bytes(), Continued: l.Continued})
	})
	switch {
	case ctx.Err() != nil:
		err = nil // who follows ends it
	case errors.Is(err, client.ErrNobody), errors.Is(err, client.ErrUnfinished), err == nil && q.Follow:
		err = log.Read(ctx, told.rest(q), func(l log.Line) error {
			if told.has(l.Unit, l.Time) {
				return nil
			}
			return out.add(view.LogLine{
				Unit: l.Unit, Stream: l.Stream.String(), Time: l.Time,
				Text: bytes.Clone(l.Text), Continued: l.Continued,
			})
		})
	}
	return errors.Join(err, out.flush())
}

// lineWriter hands lines to a view: many at once where there are many, and
// each at once where they come one by one.
type lineWriter struct {
	show  lineView
	most  int
	batch []view.LogLine
}

func (w *lineWriter) add(l view.LogLine) error {
	if w.batch = append(w.batch, l); len(w.batch) < w.most {
		return nil
	}
	return w.flush()
}

func (w *lineWriter) flush() error {
	if len(w.batch) == 0 {
		return nil
	}
	err := w.show.Lines(w.batch)
	w.batch = w.batch[:0]
	return err
}

// progressOfLogs is which lines were shown, so that reading can go on
// elsewhere. Within a unit lines come in the order of its file.
type progressOfLogs struct {
	units  map[string]shownLines
	newest time.Time
}

// shownLines are the lines of a unit up to a time, and how many of that time.
type shownLines struct {
	until time.Time
	of    int
}

// overlap is how far lines of two units may be out of their order in time.
const overlap = time.Second

func (p *progressOfLogs) add(unit string, at time.Time) {
	if p.units == nil {
		p.units = map[string]shownLines{}
	}
	s := p.units[unit]
	if at.After(s.until) {
		s = shownLines{until: at}
	}
	s.of++
	p.units[unit] = s
	if at.After(p.newest) {
		p.newest = at
	}
}

// rest is the query for what has not been shown, and some more.
func (p *progressOfLogs) rest(q log.Query) log.Query {
	if p.units == nil {
		return q
	}
	since := p.newest.Add(-overlap)
	for _, s := range p.units {
		if s.until.Before(since) {
			since = s.until
		}
	}
	if since.After(q.Since) {
		q.Since = since
	}
	q.Tail = 0
	return q
}

// has reports whether a line, of those that rest finds, was shown.
func (p *progressOfLogs) has(unit string, at time.Time) bool {
	if p.units == nil {
		return false
	}
	s, known := p.units[unit]
	switch {
	case !known:
		return at.Before(p.newest.Add(-overlap))
	case at.Equal(s.until) && s.of > 0:
		s.of--
		p.units[unit] = s
		return true
	}
	return at.Before(s.until)
}
