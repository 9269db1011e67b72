package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/plan"
)

// answer writes one JSON value.
func answer(w http.ResponseWriter, code int, media string, v any) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client is gone, which is its affair
}

func fail(w http.ResponseWriter, code int, detail string) {
	answer(w, code, api.ProblemType, problem(code, detail))
}

func problem(code int, detail string) api.Problem {
	return api.Problem{
		FormatVersion: api.FormatVersion, Status: code, Title: http.StatusText(code), Detail: detail,
	}
}

// missing answers for a part that this engine was built without.
func missing(w http.ResponseWriter, what string) {
	fail(w, http.StatusNotImplemented, "this engine has no "+what)
}

// decode reads a JSON body, which may be left out. It answers what is wrong
// with one, and returns false then.
func decode(w http.ResponseWriter, r *http.Request, what string, v any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if errors.Is(err, io.EOF) {
		return true
	}
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	if err != nil {
		refuseBody(w, what, err)
	}
	return err == nil
}

func refuseBody(w http.ResponseWriter, what string, err error) {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		fail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is too large: at most %d bytes", large.Limit))
		return
	}
	fail(w, http.StatusBadRequest, "the body is no "+what+": "+err.Error())
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, jsonType, api.Health{FormatVersion: api.FormatVersion, Status: "ok", PID: os.Getpid()})
}

// readyz says whether the system does what it is there for.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	s.ask.Lock()
	st := s.cfg.System.Status()
	s.ask.Unlock()
	ready := st.State == engine.SystemReady ||
		st.State == engine.SystemDegraded && (s.cfg.DegradedFails == nil || !s.cfg.DegradedFails())
	if ready {
		answer(w, http.StatusOK, jsonType, api.Health{FormatVersion: api.FormatVersion, Status: string(st.State), PID: st.PID})
		return
	}
	detail := "the system is " + string(st.State)
	if st.Cause != "" {
		detail += ": " + st.Cause
	} else if left := underWay(st); left > 0 {
		verb := "are"
		if left == 1 {
			verb = "is"
		}
		detail += fmt.Sprintf(": %d of %d units %s not ready", left, len(st.Units), verb)
	}
	fail(w, http.StatusServiceUnavailable, detail)
}

// underWay counts the units that have not come where they should be.
func underWay(st engine.Status) int {
	n := 0
	for _, u := range st.Units {
		if u.State != engine.Ready && u.State != engine.Completed {
			n++
		}
	}
	return n
}

func (s *Server) units(w http.ResponseWriter, _ *http.Request) {
	if s.cfg.Operator == nil {
		missing(w, "units to compare with")
		return
	}
	s.ask.Lock()
	running := *s.cfg.Operator.Units()
	s.ask.Unlock()
	if running.Units == nil {
		running.Units = []plan.RunningUnit{} // an empty list, not null
	}
	answer(w, http.StatusOK, jsonType, runningUnits{api.FormatVersion, running})
}

func (s *Server) questions(w http.ResponseWriter, _ *http.Request) {
	if s.cfg.Operator == nil {
		missing(w, "configuration to change")
		return
	}
	q := s.cfg.Operator.Questions()
	q.FormatVersion = api.FormatVersion
	answer(w, http.StatusOK, jsonType, q)
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Metrics == nil {
		missing(w, "metrics")
		return
	}
	w.Header().Set("Content-Type", textType)
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	if err := s.cfg.Metrics(w); err != nil {
		s.log.Warn("cannot write metrics", "error", err)
	}
}

func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, jsonType, OpenAPI())
}
