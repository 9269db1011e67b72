package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// Fallback answers where the upstream may not be asked, does not answer, or
// answers with a failure. It is of one kind: exactly one of LastGood,
// Upstream, File, Command and Status is set.
type Fallback struct {
	// LastGood is how old the last good answer to the same request may be.
	LastGood time.Duration
	// Upstream is another target, with a guard of its own. It is asked only
	// where the first one has read nothing of the request's body.
	Upstream *url.URL
	Guard    *breaker.Guard
	// File is the absolute path of a file whose contents are the answer.
	File string
	// Command runs a program and returns what it wrote; the variables tell
	// it of the request. It must end soon after ctx.
	Command func(ctx context.Context, variables []string) ([]byte, error)
	// Status is answered, with Body.
	Status int
	Body   string
}

// fallback is one of them at work.
type fallback interface {
	// source is what its answers and numbers call it.
	source() string
	// answer returns its answer, or nil where it has none.
	answer(r *http.Request, t *trouble) *answer
}

// The sources, in the order of their numbers.
var sources = [...]string{"last_good", "upstream", "file", "command", "status"}

func (p *HTTP) newFallback(i int, f *Fallback, old *policy) (fallback, error) {
	switch {
	case f.LastGood > 0:
		return &lastGood{maxAge: f.LastGood, store: p.store(old)}, nil
	case f.Upstream != nil:
		if f.Guard == nil {
			return nil, errors.New("the other upstream has no guard")
		}
		t, err := newTarget(f.Upstream, f.Guard, 0, nil, nil)
		return &otherUpstream{t, i + 1}, err
	case f.File != "":
		return file(f.File), nil
	case f.Command != nil:
		return &command{run: f.Command, timeout: p.commandTimeout}, nil
	case f.Status > 0:
		return status{f.Status, []byte(f.Body)}, nil
	}
	return nil, errors.New("it is of no kind")
}

// counts are the numbers of a proxy that its guard does not have.
type counts struct {
	full      atomic.Uint64
	retries   atomic.Uint64
	exhausted atomic.Uint64
	by        [len(sources)]atomic.Uint64
}

func (c *counts) fellBack(source string) {
	for i, s := range sources {
		if s == source {
			c.by[i].Add(1)
		}
	}
}

// Numbers are what a proxy has counted since it was made.
type Numbers struct {
	// Full are the calls that max_calls turned away.
	Full uint64
	// Waiting are those in line now.
	Waiting int
	// Retries are the further attempts, Exhausted those that the budget did
	// not allow.
	Retries, Exhausted uint64
	// Fallbacks are the answers of fallbacks, by their kind.
	Fallbacks map[string]uint64
}

// Numbers returns them.
func (p *HTTP) Numbers() Numbers {
	n := Numbers{
		Full: p.counted.full.Load(), Waiting: p.limiter.waiting(),
		Retries: p.counted.retries.Load(), Exhausted: p.counted.exhausted.Load(), Fallbacks: map[string]uint64{},
	}
	for i, s := range sources {
		n.Fallbacks[s] = p.counted.by[i].Load()
	}
	return n
}

// status is a fixed answer.
type status struct {
	code int
	body []byte
}

func (status) source() string { return "status" }

func (s status) answer(*http.Request, *trouble) *answer {
	kind := "text/plain; charset=utf-8"
	if json.Valid(s.body) {
		kind = "application/json"
	}
	a := textAnswer(s.code, kind, s.body)
	if len(s.body) == 0 {
		a.header.Del("Content-Type")
	}
	a.header.Set("Cache-Control", "no-store")
	return a
}

// file is the path of a file with the answer.
type file string

func (file) source() string { return "file" }

func (f file) answer(*http.Request, *trouble) *answer {
	opened, err := os.Open(string(f))
	if err != nil {
		return nil
	}
	info, err := opened.Stat()
	if err != nil || !info.Mode().IsRegular() {
		_ = opened.Close()
		return nil
	}
	kind := mime.TypeByExtension(filepath.Ext(string(f)))
	if kind == "" {
		kind = "application/octet-stream"
	}
	return &answer{
		status: http.StatusOK, length: info.Size(),
		// No more than was promised, should it grow meanwhile.
		body: struct {
			io.Reader
			io.Closer
		}{io.LimitReader(opened, info.Size()), opened},
		header: http.Header{
			"Content-Type": {kind}, "Cache-Control": {"no-store"},
			"Last-Modified": {info.ModTime().UTC().Format(http.TimeFormat)},
		},
	}
}

// commandsAtOnce bounds the programs that answer for one fallback: an open
// breaker is not to become a fork bomb.
const commandsAtOnce = 4

// command answers what a program writes.
type command struct {
	run     func(context.Context, []string) ([]byte, error)
	timeout func() time.Duration
	running atomic.Int32
}

func (*command) source() string { return "command" }

func (c *command) answer(r *http.Request, t *trouble) *answer {
	if c.running.Add(1) > commandsAtOnce {
		c.running.Add(-1)
		return nil
	}
	defer c.running.Add(-1)
	ctx, cancel := context.WithTimeout(r.Context(), c.timeout())
	defer cancel()
	out, err := c.run(ctx, []string{
		"REQUEST_METHOD=" + r.Method, "REQUEST_URI=" + r.URL.RequestURI(),
		"BREAKER_REASON=" + t.reason, "BREAKER_DETAIL=" + t.detail,
	})
	if err != nil {
		return nil
	}
	kind := http.DetectContentType(out)
	if json.Valid(out) {
		kind = "application/json"
	}
	a := textAnswer(http.StatusOK, kind, out)
	a.header.Set("Cache-Control", "no-store")
	return a
}

// commandTimeout bounds a program: a client waits for it.
func (p *HTTP) commandTimeout() time.Duration {
	return min(p.policy.Load().rest.Timeout, 10*time.Second)
}

// otherUpstream forwards to another target.
type otherUpstream struct {
	target *target
	number int // among the fallbacks, from 1
}

func (*otherUpstream) source() string { return "upstream" }

// answer is never asked: forwarding is not answering.
func (*otherUpstream) answer(*http.Request, *trouble) *answer { return nil }

// forward sends the request of a call to the other upstream. It returns nil
// where that has no good answer either.
func (o *otherUpstream) forward(c *call, out *http.Request) *http.Response {
	if !c.body.repeatable() || c.overtime() {
		return nil
	}
	before := c.last
	a := c.attempt(o.target)
	if a.permitted() != nil {
		c.last = before
		return nil
	}
	to := out.Clone(out.Context())
	to.Trailer = out.Trailer // filled in once the body has ended
	u := *c.in.URL
	to.URL, to.Host = &u, ""
	if c.in.Header["Authorization"] == nil {
		delete(to.Header, "Authorization") // the first target's
	}
	o.target.aim(to)
	if c.policy.preserveHost {
		to.Host = c.in.Host
	}
	res, trouble, err := a.forward(to)
	if err != nil || trouble != nil {
		if res != nil {
			_ = res.Body.Close()
		}
		a.end()
		c.last = before
		return nil
	}
	if before != nil {
		before.end()
	}
	return res
}
