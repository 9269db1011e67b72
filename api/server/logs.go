package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/log"
)

// logs tells what units wrote. It reads the files, as everybody else does:
// the engine has no part in it.
func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	q, err := s.logQuery(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if unknown := s.withoutLog(q); unknown != "" {
		fail(w, http.StatusNotFound, fmt.Sprintf("there is no log of %q: GET %s lists the units", unknown, api.PathStatus))
		return
	}
	if q.Follow {
		if err := os.MkdirAll(q.Dir, 0o700); err != nil {
			fail(w, http.StatusInternalServerError, fmt.Sprintf("follow the logs: %v", err))
			return
		}
	}
	out := newStream(w, r)
	ctx, done := s.following(out)
	defer done()
	err = log.Read(ctx, q, func(l log.Line) error {
		if !out.send("", logLine(l)) {
			return errGone
		}
		return nil
	})
	if ctx.Err() != nil || errors.Is(err, fs.ErrNotExist) {
		err = nil // the end of a follower, or nothing has been written yet
	}
	out.end(err)
}

// logLine puts a line into the form of the wire.
func logLine(l log.Line) api.LogLine {
	line := api.LogLine{Time: l.Time, Unit: l.Unit, Stream: l.Stream.String(), Text: string(l.Text), Continued: l.Continued}
	if !utf8.Valid(l.Text) {
		line.Text, line.Raw = strings.ToValidUTF8(line.Text, "\ufffd"), l.Text
	}
	return line
}

// logQuery reads what a request asks for.
func (s *Server) logQuery(r *http.Request) (log.Query, error) {
	values := r.URL.Query()
	q := log.Query{
		Dir: engine.LogDir(s.cfg.StateDir), Units: values["unit"],
		Tail: number(r, "tail"), Follow: given(r, "follow"),
	}
	if text := values.Get("grep"); text != "" {
		re, err := regexp.Compile(text)
		if err != nil {
			return q, fmt.Errorf("grep: %w", err)
		}
		q.Grep = re
	}
	if text := values.Get("since"); text != "" {
		at, err := moment("since", text)
		if err != nil {
			return q, err
		}
		q.Since = at
	}
	return q, nil
}

// withoutLog returns a unit of the query that neither runs nor has written
// anything, empty where there is none.
func (s *Server) withoutLog(q log.Query) string {
	if len(q.Units) == 0 {
		return ""
	}
	written, _ := log.Units(q.Dir) // an unreadable directory fails in Read
	st := s.snapshot()
	for _, unit := range q.Units {
		runs := slices.ContainsFunc(st.Units, func(u api.Unit) bool { return u.ID == unit })
		if !runs && !slices.Contains(written, unit) {
			return unit
		}
	}
	return ""
}
