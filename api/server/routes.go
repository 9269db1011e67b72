package server

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/plan"
)

// The media types of bodies.
const (
	jsonType   = "application/json"
	streamType = "text/event-stream"
	textType   = "text/plain; version=0.0.4; charset=utf-8"
	pageType   = "text/html; charset=utf-8"
	bytesType  = "application/octet-stream"
)

// route is one thing that can be asked, as it is answered and described.
type route struct {
	method, path string
	summary      string
	open         bool // over TCP answered without the token, too
	params       []param
	body         any // a value of the body's type, nil where it is bytes or none
	bodyType     string
	maxBody      int64
	answer       any // a value of the answer's type, or of each event's
	media        string
	handle       func(*Server, http.ResponseWriter, *http.Request)
}

// param is one name that may stand in a query.
type param struct {
	name string
	kind string // boolean, integer, string
	many bool
	text string
}

// runningUnits is what plan compares with.
type runningUnits struct {
	FormatVersion string `json:"format_version"`
	plan.Running
}

// table lists all that can be asked. The description of the interface is
// made of it.
func table() []route {
	unit := param{"unit", "string", true, "Only of this unit; may be repeated. An address as status has it."}
	follow := param{"follow", "boolean", false, "Go on with what comes."}
	return []route{
		{method: http.MethodGet, path: api.PathHealthz, summary: "Whether the engine answers.",
			open: true, answer: api.Health{}, media: jsonType, handle: (*Server).healthz},
		{method: http.MethodGet, path: api.PathReadyz, summary: "Whether the system is ready: 503 with the reason while it is not.",
			open: true, answer: api.Health{}, media: jsonType, handle: (*Server).readyz},
		{method: http.MethodGet, path: api.PathMetrics, summary: "Metrics in Prometheus' text format.",
			media: textType, handle: (*Server).metrics},
		{method: http.MethodGet, path: api.PathLogin, summary: "Lets the browser in that follows a login link: sets the cookie.",
			open: true, params: []param{{"code", "string", false, "What the link holds."}}, media: pageType, handle: (*Server).login},
		{method: http.MethodPost, path: api.PathLogins, summary: "A link that lets a browser in, once and within a minute; 409 where syndicate.http is not declared.",
			answer: api.Login{}, media: jsonType, handle: (*Server).newLogin},
		{method: http.MethodGet, path: api.PathOpenAPI, summary: "This description.",
			answer: map[string]any{}, media: jsonType, handle: (*Server).openAPI},
		{method: http.MethodGet, path: api.PathStatus, summary: "A snapshot of the system and its units.",
			params: []param{{"lines", "integer", false, "With so many last lines of the log of each unit that is starting, stopping, unhealthy, waiting for its next attempt or failed, at most 100."}},
			answer: api.Status{}, media: jsonType, handle: (*Server).status},
		{method: http.MethodGet, path: api.PathUnits, summary: "What runs, as plan compares with it.",
			answer: runningUnits{}, media: jsonType, handle: (*Server).units},
		{method: http.MethodGet, path: api.PathQuestions, summary: "What the configuration asked of the world that was applied last.",
			answer: api.Questions{}, media: jsonType, handle: (*Server).questions},
		{method: http.MethodGet, path: api.PathEvents, summary: "What happened, oldest first. The id of each event is its number; Last-Event-ID takes a stream up again.",
			params: []param{
				{"since", "string", false, "Only what came after the event with this number, or what happened at this time or later."},
				{"tail", "integer", false, "Only the last ones of those that have happened."},
				unit, follow,
			},
			answer: api.Event{}, media: streamType, handle: (*Server).events},
		{method: http.MethodGet, path: api.PathLogs, summary: "What units wrote, merged by time.",
			params: []param{
				unit, follow,
				{"since", "string", false, "Only what was written at this time or later."},
				{"tail", "integer", false, "Only the last lines, of all units together."},
				{"grep", "string", false, "Only lines that match this regular expression."},
			},
			answer: api.LogLine{}, media: streamType, handle: (*Server).logs},
		{method: http.MethodPost, path: api.PathApply, summary: "Do what a bundle declares, as up does.",
			params: []param{
				{"plan", "string", false, "The digest of the plan that was shown: another plan is refused."},
				{"no_rollback", "boolean", false, "Leave what fails as it is."},
				{"offline", "boolean", false, "Do not ask databases that run elsewhere what is applied."},
				{"guess", "boolean", false, "The bundle answers the questions that the engine told, and nobody has decoded it: do nothing where there is anything to say of it, even a warning."},
				{"target", "string", true, "Confine it to this block and what that needs; may be repeated."},
			},
			bodyType: bytesType, maxBody: api.MaxBundle,
			answer: api.Progress{}, media: streamType, handle: (*Server).apply},
		{method: http.MethodPost, path: api.PathCommands, summary: "Tell units to do something.",
			body: api.CommandRequest{}, bodyType: jsonType, maxBody: maxBody,
			answer: api.Progress{}, media: streamType, handle: (*Server).command},
		{method: http.MethodPost, path: api.PathPermits, summary: "Ask a circuit breaker for one call. The stream holds the permit that its first event tells, until its outcome is told or the client goes away, which counts for nothing.",
			params: []param{{"unit", "string", false, "The breaker, or a database."}},
			answer: api.Permit{}, media: streamType, handle: (*Server).permit},
		{method: http.MethodPost, path: api.PathOutcomes, summary: "Tell how the call of a permit went; 410 where its stream has ended.",
			body: api.Outcome{}, bodyType: jsonType, maxBody: maxBody,
			answer: api.Outcome{}, media: jsonType, handle: (*Server).outcome},
		{method: http.MethodPost, path: api.PathDown, summary: "Stop everything in order. A client that goes away changes nothing about that.",
			body: api.DownRequest{}, bodyType: jsonType, maxBody: maxBody,
			answer: api.DownProgress{}, media: streamType, handle: (*Server).down},
	}
}

// byPath indexes a table. Each path has one method.
func byPath(routes []route) map[string]*route {
	index := make(map[string]*route, len(routes))
	for i := range routes {
		index[routes[i].path] = &routes[i]
	}
	return index
}

// dispatch finds the route of a request and has it answered. Everything that
// goes wrong is answered as a problem, unlike by a ServeMux.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	s.handlers.Add(1)
	defer s.handlers.Done()
	to, ok := s.routes[r.URL.Path]
	if !ok {
		fail(w, http.StatusNotFound, "there is nothing at this path: GET "+api.PathOpenAPI+" describes what there is, GET "+api.PathStatus+" shows the system")
		return
	}
	if r.Method != to.method && (r.Method != http.MethodHead || to.method != http.MethodGet || to.media == streamType) {
		w.Header().Set("Allow", to.method)
		fail(w, http.StatusMethodNotAllowed, "use "+to.method)
		return
	}
	if err := to.check(r); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if sent := r.Header.Get("Content-Type"); sent != "" && to.bodyType != "" {
		if media, _, err := mime.ParseMediaType(sent); err != nil || media != to.bodyType {
			fail(w, http.StatusUnsupportedMediaType, "the body must be "+to.bodyType)
			return
		}
	}
	r.Body = http.MaxBytesReader(w, r.Body, to.maxBody)
	if to.media != streamType {
		to.handle(s, w, r)
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
		to.handle(s, w, r)
	default:
		fail(w, http.StatusServiceUnavailable, fmt.Sprintf("%d streams are read already: close one", maxStreams))
	}
}

// check looks whether a query has known names and fitting values only.
func (to *route) check(r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fmt.Errorf("the query cannot be read: %w", err)
	}
	for name, values := range query {
		i := slices.IndexFunc(to.params, func(p param) bool { return p.name == name })
		if i < 0 {
			return fmt.Errorf("%s takes no %q%s", to.path, name, to.known())
		}
		p := to.params[i]
		if len(values) > 1 && !p.many {
			return fmt.Errorf("%s may be given once", name)
		}
		for _, v := range values {
			if err := p.fits(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// known lists the parameters, for a message.
func (to *route) known() string {
	if len(to.params) == 0 {
		return ": it has no parameters"
	}
	names := make([]string, len(to.params))
	for i, p := range to.params {
		names[i] = p.name
	}
	return ": use " + strings.Join(names, ", ")
}

func (p param) fits(v string) error {
	switch p.kind {
	case "boolean":
		if v != "true" && v != "false" {
			return fmt.Errorf("%s=%q: use true or false", p.name, v)
		}
	case "integer":
		if n, err := strconv.Atoi(v); err != nil || n < 0 {
			return fmt.Errorf("%s=%q: use a whole number from 0 on", p.name, v)
		}
	}
	return nil
}

// given and number read a parameter that check has looked at.
func given(r *http.Request, name string) bool { return r.URL.Query().Get(name) == "true" }

func number(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return 0
	}
	return n
}

// moment reads a time.
func moment(name, text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, fmt.Errorf("%s=%q: use a time such as 2026-01-31T12:00:00Z", name, text)
	}
	return at, nil
}
