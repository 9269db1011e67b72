package gateway

import (
	"bytes"
	"time"
)

// flight is something that a client has asked and the server has not
// answered yet: a simple query, or what an extended one sent up to a Sync.
// The server ends each with one ReadyForQuery, in order.
type flight struct {
	begun    time.Time
	series   *series
	extended bool
	failed   bool
	more     int // further ones that are not told apart
}

// maxFlights bounds how many of a pipeline are told apart.
const maxFlights = 256

// maxNamed bounds the prepared statements of a session that are known.
const maxNamed = 1000

// maxName is the longest name of a statement that is known, in bytes:
// PostgreSQL's own names end at 63.
const maxName = 64

// flights follows one session: what the client sends, and what the server
// answers. It is not for concurrent use: the session locks it.
type flights struct {
	stats   *stats
	lenient bool // standard_conforming_strings is off: backslashes escape
	asked   []flight
	status  byte // of the last ReadyForQuery: I, T or E
	copying bool // the server takes copy data, and ignores Sync
	ended   bool // the server has said why it ends the session
	left    bool // the client has said that it ends it
	slow    func(flight, time.Duration)

	// Of the batch that the client is about to end with Sync.
	begun   time.Time
	current *series
	unnamed *series
	named   map[string]*series
	// copied is the batch that began the copying, which the Sync after it
	// ends.
	copied flight

	in  scanner
	out scanner
	now func() time.Time
}

// idle reports whether the session is outside of a transaction, and neither
// side owes the other anything.
func (f *flights) idle() bool { return f.status == 'I' && f.answered() && f.out.between() }

// answered reports whether the server has answered all that the client sent.
func (f *flights) answered() bool { return !f.busy() && f.begun.IsZero() && f.in.between() }

// busy reports whether the server works on something.
func (f *flights) busy() bool { return len(f.asked) > 0 || f.copying }

// push notes what the client waits for now.
func (f *flights) push(fl flight) {
	if len(f.asked) >= maxFlights {
		f.asked[len(f.asked)-1].more++
		return
	}
	f.asked = append(f.asked, fl)
}

// pop ends the oldest of what the client waits for.
func (f *flights) pop() {
	if len(f.asked) == 0 {
		return
	}
	first := &f.asked[0]
	now := f.now()
	took := now.Sub(first.begun)
	f.stats.answered(first.series, now, took, !first.failed)
	if f.slow != nil {
		f.slow(*first, took)
	}
	if first.more > 0 {
		first.more--
		first.failed = false
		return
	}
	f.asked = f.asked[:copy(f.asked, f.asked[1:])]
}

// requests reads what a client sends.
type requests struct{ *flights }

func (requests) wants(kind byte) int {
	switch kind {
	case 'Q', 'P':
		return keepSize
	case 'B', 'C':
		return 2*maxName + 4
	case 'S', 'F', 'E', 'D', 'c', 'f', 'X':
		return 0
	}
	return -1
}

func (r requests) message(kind byte, body []byte) {
	switch kind {
	case 'Q':
		r.push(flight{begun: r.now(), series: r.stats.statements.find(text(body), r.lenient)})
		return
	case 'c', 'f':
		r.copying = false
		return
	case 'F':
		r.push(flight{begun: r.now()})
		return
	case 'S':
		r.sync()
		return
	case 'X':
		r.left = true
		return
	}
	if r.begun.IsZero() {
		r.begun = r.now()
	}
	switch kind {
	case 'P':
		r.parse(body)
	case 'B':
		if _, name, ok := bytes.Cut(body, []byte{0}); ok {
			r.current = r.statement(text(name))
		}
	case 'C':
		if len(body) > 0 && body[0] == 'S' {
			delete(r.named, string(text(body[1:])))
		}
	}
}

// sync ends a batch.
func (f *flights) sync() {
	if f.copying {
		return
	}
	fl := flight{begun: f.begun, series: f.current, extended: true}
	if !f.copied.begun.IsZero() {
		fl, f.copied = f.copied, flight{}
	}
	if fl.begun.IsZero() {
		fl.begun = f.now()
	}
	f.push(fl)
	f.begun, f.current = time.Time{}, nil
}

// parse notes a statement that is prepared.
func (f *flights) parse(body []byte) {
	name, sql, ok := bytes.Cut(body, []byte{0})
	if !ok {
		return
	}
	s := f.stats.statements.find(text(sql), f.lenient)
	f.current = s
	switch {
	case len(name) == 0:
		f.unnamed = s
	case len(name) < maxName && len(f.named) < maxNamed:
		if f.named == nil {
			f.named = map[string]*series{}
		}
		f.named[string(name)] = s
	}
}

// statement finds what was prepared under a name, nil where that is not
// known.
func (f *flights) statement(name []byte) *series {
	if len(name) == 0 {
		return f.unnamed
	}
	return f.named[string(name)]
}

// text is the part before a zero byte.
func text(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// answers reads what a server sends.
type answers struct {
	*flights
	failed func(severity, state string)
}

// errorSize is how much of an error is looked at: its severity and its
// SQLSTATE stand first.
const errorSize = 128

func (*answers) wants(kind byte) int {
	switch kind {
	case 'Z':
		return 1
	case 'E':
		return errorSize
	case 'G', 'W':
		return 0
	}
	return -1
}

func (a *answers) message(kind byte, body []byte) {
	switch kind {
	case 'Z':
		if len(body) == 1 {
			a.status = body[0]
		}
		a.copying = false
		a.pop()
	case 'E':
		severity, state := errorFields(body)
		var s *series
		if len(a.asked) > 0 {
			a.asked[0].failed = true
			s = a.asked[0].series
		}
		a.copying = false
		a.stats.failed(s, state)
		a.failed(severity, state)
	case 'G', 'W':
		a.copy()
	}
}

// copy begins copying from the client. Each Sync that the client has sent
// along with the query is ignored by the server, up to the end of the copy.
func (f *flights) copy() {
	f.copying = true
	if len(f.asked) == 0 || !f.asked[0].extended {
		return
	}
	f.copied = f.asked[0]
	f.copied.more = 0
	f.asked = f.asked[:0]
}

// errorFields reads the severity, in English, and the SQLSTATE.
func errorFields(body []byte) (severity, state string) {
	for len(body) > 1 {
		value := text(body[1:])
		switch body[0] {
		case 'V':
			severity = string(value)
		case 'C':
			return severity, string(value)
		}
		body = body[min(2+len(value), len(body)):]
	}
	return severity, state
}
