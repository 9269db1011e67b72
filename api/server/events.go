package server

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"

	"github.com/syndicate/syndicate/api"
)

// events tells what happened, and with follow what happens. A client that
// was cut off goes on after the last event that it has.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Journal == nil {
		missing(w, "journal")
		return
	}
	q, err := eventQuery(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	out := newStream(w, r)
	ctx, done := s.following(out)
	defer done()
	for ev, err := range s.cfg.Journal.Events(ctx, q) {
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			s.log.Warn("cannot read the journal", "error", err)
			out.end(fmt.Errorf("read the journal: %w", err))
			return
		}
		if !out.send(eventID(ev), ev) {
			break
		}
	}
	out.end(nil)
}

// eventID is the number of an event, empty without one.
func eventID(ev api.Event) string {
	if ev.Seq == 0 {
		return ""
	}
	return strconv.FormatUint(ev.Seq, 10)
}

// eventQuery reads what a request asks for. The header that browsers send
// when they connect again goes before the query that they repeat.
func eventQuery(r *http.Request) (EventQuery, error) {
	values := r.URL.Query()
	q := EventQuery{Units: values["unit"], Tail: number(r, "tail"), Follow: given(r, "follow")}
	last := r.Header.Get("Last-Event-ID")
	since := cmp.Or(last, values.Get("since"))
	if since == "" {
		return q, nil
	}
	if last != "" {
		q.Tail = 0
	}
	var err error
	if q.After, err = strconv.ParseUint(since, 10, 64); err == nil {
		return q, nil
	}
	if last != "" {
		return q, fmt.Errorf("Last-Event-ID %q is not the number of an event", last)
	}
	if q.Since, err = moment("since", since); err != nil {
		return q, fmt.Errorf("since=%q: use the number of an event, or a time such as 2026-01-31T12:00:00Z", since)
	}
	return q, nil
}
