package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// Config describes one probe of one run.
type Config struct {
	Kind spec.ProbeKind
	// Target is the full URL (http), host:port (tcp, and grpc followed by
	// an optional /SERVICE), an absolute path (file) or a regular
	// expression (log).
	Target string
	Argv   []string    // exec
	Status []int       // http: what counts as success; empty is 200 to 399
	Header http.Header // http: further headers

	Interval time.Duration // between looks; 1s where zero
	Timeout  time.Duration // of one look; 1s where zero
	Deadline time.Duration // of Ready, from Started on; none where zero
	// Failures in a row make Live report. Above zero it marks a live
	// probe: log and notify, which see moments and not states, refuse it.
	Failures int
	// Started is when the run began; the time of New where zero. With a
	// file it is also the time since which the file must have been touched,
	// for a probe that is made after the start.
	Started time.Time
	// Observe is told of each look that was not cut off: how long it took,
	// and its error. It must not block. Nil: nobody is told. Log, notify and
	// most file probes do not look: they are woken.
	Observe func(took time.Duration, err error)

	Runner Runner     // exec
	Slots  *Slots     // exec: shared by all exec probes of an engine
	Lines  LineSource // log
	Files  *Files     // file: shared by all file probes of an engine
	Notify *Socket    // notify: the socket of this run, which the probe's Close closes
}

// check looks once. Its error is short, in words, without the target.
type check interface {
	look(ctx context.Context, timeout time.Duration) error
}

// waiter is a check that is told when to look, instead of looking again and
// again. wait returns nil once the moment has come, or the context's error;
// state says, for a message, what it saw so far, also while wait runs. It does
// not block.
type waiter interface {
	wait(ctx context.Context) error
	state() error
}

// Probe finds out whether one run of a unit is ready or lives.
type Probe struct {
	cfg     Config
	what    string // GET http://127.0.0.1:3000/healthz
	check   check
	waiter  waiter // nil where looks are repeated
	closing func()
	failed  atomic.Pointer[Error] // the look of Ready that failed last
}

// New returns a probe, and begins to listen where the kind is driven by
// events. Close releases it.
func New(cfg Config) (*Probe, error) {
	cfg.Interval = cmp.Or(cfg.Interval, time.Second)
	cfg.Timeout = cmp.Or(cfg.Timeout, time.Second)
	p := &Probe{cfg: cfg, closing: func() {}}
	if err := p.build(); err != nil {
		return nil, fmt.Errorf("prepare %s probe: %w", cmp.Or(string(cfg.Kind), "empty"), err)
	}
	if p.cfg.Started.IsZero() {
		p.cfg.Started = time.Now()
	}
	return p, nil
}

func (p *Probe) build() error {
	switch p.cfg.Kind {
	case spec.ProbeHTTP:
		c, err := newHTTPCheck(p.cfg.Target, p.cfg.Status, p.cfg.Header)
		if err != nil {
			return err
		}
		p.what, p.check = c.what, c
	case spec.ProbeTCP:
		c, err := newTCPCheck(p.cfg.Target)
		if err != nil {
			return err
		}
		p.what, p.check = "connect to "+c.addr, c
	case spec.ProbeGRPC:
		c, err := newGRPCCheck(p.cfg.Target)
		if err != nil {
			return err
		}
		p.what, p.check = c.what, c
	case spec.ProbeExec:
		c, err := newExecCheck(p.cfg.Argv, p.cfg.Runner, p.cfg.Slots)
		if err != nil {
			return err
		}
		p.what, p.check = c.what, c
	case spec.ProbeLog, spec.ProbeFile, spec.ProbeNotify:
		return p.buildWaiter()
	default:
		return fmt.Errorf("there is no such kind: use http, tcp, grpc, exec, log, file or notify")
	}
	return nil
}

// buildWaiter makes the kinds that events drive.
func (p *Probe) buildWaiter() error {
	live := p.cfg.Failures > 0
	if live && p.cfg.Kind != spec.ProbeFile {
		return errors.New("it sees one moment and cannot tell whether a unit still lives: use http, tcp, grpc, exec or file")
	}
	switch p.cfg.Kind {
	case spec.ProbeLog:
		c, err := newLogCheck(p.cfg.Target, p.cfg.Lines)
		if err != nil {
			return err
		}
		p.what, p.waiter = c.what, c
	case spec.ProbeNotify:
		if p.cfg.Notify == nil {
			return errors.New("no socket to listen on")
		}
		p.what, p.waiter = "wait for READY=1", notifyCheck{p.cfg.Notify}
		p.closing = func() { _ = p.cfg.Notify.Close() }
	case spec.ProbeFile:
		c, err := newFileCheck(p.cfg.Target, p.cfg.Started, p.cfg.Files, live)
		if err != nil {
			return err
		}
		p.what, p.check, p.closing = "file "+p.cfg.Target, c, c.close
		if c.sub != nil {
			p.waiter = c
		}
	}
	return nil
}

// String says what is probed, for messages: GET http://127.0.0.1:80/healthz.
// It contains no credentials.
func (p *Probe) String() string { return p.what }

// Close ends the listening that New began. It may be called more than once,
// but not while Ready or Live runs.
func (p *Probe) Close() { p.closing() }

// Seen says what Ready, which runs, has seen so far: an [*Error] without a
// deadline. It does not block.
func (p *Probe) Seen() error {
	if p.waiter != nil {
		return &Error{What: p.what, Last: p.waiter.state()}
	}
	if e := p.failed.Load(); e != nil {
		return e
	}
	return &Error{What: p.what, Last: errors.New("no answer yet")}
}

// Error is why a unit did not become ready in time, or is not ready yet.
type Error struct {
	What  string        // what was probed
	Tries int           // 0 where events drive the probe, or before the first has ended
	After time.Duration // the deadline; 0 where it is not over
	Last  error         // the last failure
}

func (e *Error) Error() string {
	var how []string
	switch e.Tries {
	case 0:
	case 1:
		how = append(how, "1 try")
	default:
		how = append(how, fmt.Sprintf("%d tries", e.Tries))
	}
	if e.After > 0 {
		how = append(how, "in "+short(e.After))
	}
	text := fmt.Sprintf("%s: %v", e.What, e.Last)
	if len(how) > 0 {
		text += " (" + strings.Join(how, " ") + ")"
	}
	return text
}

// Unwrap returns the last failure.
func (e *Error) Unwrap() error { return e.Last }

// short prints a duration in the language's units, without false precision.
func short(d time.Duration) string {
	if d >= time.Second {
		d = d.Round(time.Millisecond)
	}
	return spec.Duration(d.Round(time.Microsecond)).String()
}

// errDeadline tells the probe's own deadline from the caller's.
var errDeadline = errors.New("the deadline is over")

// Ready blocks until the first success. Where the deadline comes first it
// returns an [*Error], where ctx ends the cause of that.
func (p *Probe) Ready(ctx context.Context) error {
	dctx := ctx
	if p.cfg.Deadline > 0 {
		var cancel context.CancelFunc
		dctx, cancel = context.WithDeadlineCause(ctx, p.cfg.Started.Add(p.cfg.Deadline), errDeadline)
		defer cancel()
	}
	if p.waiter != nil {
		if err := p.waiter.wait(dctx); err == nil {
			return nil
		}
		return p.ended(dctx, 0, p.waiter.state())
	}
	return p.poll(dctx)
}

// poll looks eagerly until a look succeeds.
func (p *Probe) poll(ctx context.Context) error {
	var last error
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for tries := 1; ; tries++ {
		err := p.look(ctx)
		if err == nil {
			return nil
		}
		// A look that the end of ctx cut off says nothing of the unit. Its
		// deadline may have ended the look before it ended ctx.
		over := ctx.Err() != nil
		if by, ok := ctx.Deadline(); ok && !time.Now().Before(by) {
			over = true
		}
		if !over || last == nil {
			last = err
		}
		if ctx.Err() != nil {
			return p.ended(ctx, tries, last)
		}
		p.failed.Store(&Error{What: p.what, Tries: tries, Last: answer(last)})
		timer.Reset(nextDelay(time.Since(p.cfg.Started), p.cfg.Interval))
		select {
		case <-ctx.Done():
			return p.ended(ctx, tries, last)
		case <-timer.C:
		}
	}
}

// look looks once, and has that observed.
func (p *Probe) look(ctx context.Context) error {
	begun := time.Now()
	err := p.check.look(ctx, p.cfg.Timeout)
	if p.cfg.Observe != nil && (err == nil || ctx.Err() == nil) {
		p.cfg.Observe(time.Since(begun), err)
	}
	return err
}

// ended returns what the end of ctx means.
func (p *Probe) ended(ctx context.Context, tries int, last error) error {
	cause := context.Cause(ctx)
	if cause != errDeadline {
		return cause
	}
	return &Error{What: p.what, Tries: tries, After: p.cfg.Deadline, Last: answer(last)}
}

// answer says in words that a look was cut off.
func answer(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return errors.New("no answer")
	}
	return err
}

// Live looks every interval until ctx ends. It calls report with an error
// once Failures looks in a row have failed, and with nil at the first
// success after that; report must not block for long, since the next look
// waits for it.
func (p *Probe) Live(ctx context.Context, report func(error)) {
	if p.check == nil {
		return
	}
	timer := time.NewTimer(p.cfg.Interval)
	defer timer.Stop()
	for row := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		begun := time.Now()
		err := p.look(ctx)
		if ctx.Err() != nil {
			return
		}
		bound := max(p.cfg.Failures, 1)
		if err == nil {
			if row >= bound {
				report(nil)
			}
			row = 0
		} else if row++; row == bound {
			report(fmt.Errorf("%s: %w (%d times in a row)", p.what, err, row))
		}
		timer.Reset(max(p.cfg.Interval-time.Since(begun), eagerFloor))
	}
}
