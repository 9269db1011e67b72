package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/syndicate/syndicate/engine/event"
)

// Query says which events to read. The zero value means all of them.
type Query struct {
	// After leaves out events up to this number.
	After uint64
	// Since leaves out what happened earlier.
	Since time.Time
	// Units are the IDs of units; only events of these fit. None: all fit,
	// also those of no unit.
	Units []string
	// Limit bounds the answer to the first events that fit, Tail to the last
	// ones; 0: no bound. With a Tail the Limit does not count.
	Limit, Tail int
}

// fits reports whether an event is asked for.
func (q *Query) fits(ev event.Event) bool {
	return ev.Seq > q.After && !ev.Time.Before(q.Since) && (len(q.Units) == 0 || slices.Contains(q.Units, ev.Unit))
}

// filter returns the events that fit.
func (q *Query) filter(events []event.Event) []event.Event {
	return slices.DeleteFunc(events, func(ev event.Event) bool { return !q.fits(ev) })
}

// cut applies the bounds.
func (q *Query) cut(events []event.Event) []event.Event {
	if q.Tail > 0 {
		return events[max(0, len(events)-q.Tail):]
	}
	if q.Limit > 0 {
		return events[:min(len(events), q.Limit)]
	}
	return events
}

// readEvents reads the events that fit, oldest first. With a Tail it begins
// at the end, and in any case it reads no more rows than it needs.
func readEvents(ctx context.Context, db *sql.DB, q Query) ([]event.Event, error) {
	backward := q.Tail > 0
	order, most := "", q.Limit
	if backward {
		order, most = "DESC", q.Tail
	}
	since := int64(math.MinInt64)
	if !q.Since.IsZero() {
		since = q.Since.UnixNano()
	}
	rows, err := db.QueryContext(ctx, `SELECT first, events FROM journal
		WHERE first >= coalesce((SELECT max(first) FROM journal WHERE first <= ?1), 0)
		AND last > ?1 AND until >= ?2 ORDER BY first `+order, int64(min(q.After, math.MaxInt64)), since)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []event.Event
	for rows.Next() && (most == 0 || len(found) < most) {
		var first int64
		var text string
		if err := rows.Scan(&first, &text); err != nil {
			return nil, err
		}
		events := q.filter(parse(uint64(first), text))
		if backward {
			slices.Reverse(events)
		}
		found = append(found, events...)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if backward {
		found = found[:min(len(found), most)]
		slices.Reverse(found)
	}
	return q.cut(found), nil
}

// parse reads the text of a row. A line that is damaged becomes an event that
// says so.
func parse(first uint64, text string) []event.Event {
	events := make([]event.Event, 0, strings.Count(text, "\n"))
	seq := first
	for line := range strings.Lines(text) {
		var ev event.Event
		if err := json.Unmarshal([]byte(line), &ev); err != nil || ev.Seq == 0 {
			ev = event.Event{Seq: seq, Kind: event.Engine, Cause: fmt.Sprintf("event %d is damaged in the journal: %.100q", seq, line)}
		}
		seq = ev.Seq + 1
		events = append(events, ev)
	}
	return events
}
