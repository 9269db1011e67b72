package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/handover"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/statedir"
	"github.com/syndicate/syndicate/view"
)

// downCmd stops a running system from another shell.
type downCmd struct {
	target

	Timeout *spec.Duration `name:"timeout" placeholder:"DURATION" help:"Kill what has not stopped after this time; by default each unit has its own."`
}

// Waits of down that are no user's business.
const (
	releaseWait = 5 * time.Second // for the engine's end after the last unit's
	answerWait  = 5 * time.Second // for an engine that is about to start or end
	silentAfter = 2 * time.Second // until an engine is said not to answer
	lookAgain   = 20 * time.Millisecond
	orphanWait  = 10 * time.Second // until what a dead engine left is killed
)

// errTimeout is the cause of a stop that becomes a quick one.
var errTimeout = errors.New("the timeout is over")

// Run stops what runs, whatever there is of it: a system with its engine,
// processes without one, or nothing.
func (c *downCmd) Run(s *session) error {
	dir, err := s.stateDirOf(c.Path)
	if err != nil {
		return err
	}
	var width func() int
	if s.stderr.terminal {
		width = s.stderr.columns
	}
	show := view.NewDown(view.DownConfig{Screen: view.NewScreen(s.stderr, width), Quiet: s.quiet})
	begun := time.Now()
	queue := newQueueing(show.Note)
	c.awaitAnswer(dir, show)
	for {
		asked := c.stop(client.New(dir), show)
		if asked == nil || errors.Is(asked, client.ErrUnfinished) {
			return c.stopped(s, dir, begun, asked == nil, show)
		}
		if _, refused := errors.AsType[*client.Error](asked); refused {
			return failWith(asked, s.again("status", c.Path))
		}
		// An engine that is about to start, or to end, answers badly or not
		// at all.
		info, held, ok, err := holder(dir)
		switch {
		case err != nil:
			return err
		case !ok:
			return view.NothingRuns(s.stdout, dir)
		case !held:
			return c.endOrphans(s, dir, info, show)
		case queue.waits(info):
		case errors.Is(asked, client.ErrNobody):
			return s.silent(dir, info)
		default:
			return failWith(asked, s.again("status", c.Path))
		}
		time.Sleep(lookAgain)
	}
}

// queueing waits for whoever has a state directory and does not answer.
type queueing struct {
	tell  func(string)
	told  string    // of what was told last
	until time.Time // an engine may take so long to answer
}

func newQueueing(tell func(string)) *queueing {
	return &queueing{tell: tell, until: time.Now().Add(answerWait)}
}

// waits reports whether to wait on for a holder: for an engine that is about to
// start or to end a moment, for what takes its time until it is done.
func (q *queueing) waits(info statedir.Info) bool {
	if info.Doing != "" {
		q.until = time.Now().Add(answerWait)
		if info.Doing != q.told {
			q.tell("Waiting while " + info.Doing + ".")
			q.told = info.Doing
		}
	}
	return time.Now().Before(q.until)
}

// awaitAnswer says who is waited for where the engine hangs.
func (c *downCmd) awaitAnswer(dir string, show *view.Down) {
	ctx, cancel := context.WithTimeout(context.Background(), silentAfter)
	defer cancel()
	if err := client.New(dir).Answers(ctx); err == nil || ctx.Err() == nil {
		return
	}
	if info, held, _, _ := holder(dir); held {
		show.Note(fmt.Sprintf("Waiting for the engine (pid %d), which does not answer.", info.PID))
	}
}

// stop asks the engine to stop everything, and to hurry when the timeout is
// over.
func (c *downCmd) stop(cl *client.Client, show *view.Down) error {
	ctx, req := context.Background(), api.DownRequest{Cause: "down"}
	if c.Timeout != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout.Std(), errTimeout)
		defer cancel()
	}
	err := cl.Down(ctx, req, show.Progress)
	if errors.Is(err, errTimeout) {
		show.Note(fmt.Sprintf("Not stopped after %s: killing the rest.", c.Timeout))
		req.Hurry = true
		err = cl.Down(context.Background(), req, show.Progress)
		if errors.Is(err, client.ErrNobody) {
			err = nil // it ended in between
		}
	}
	return err
}

// stopped waits until the engine has given the state directory back, so that
// an up right after this one finds it free. An engine that said that everything
// has stopped need not have been able to write that.
func (c *downCmd) stopped(s *session, dir string, begun time.Time, said bool, show *view.Down) error {
	end := time.Now().Add(releaseWait)
	for {
		info, held, ok, err := holder(dir)
		switch {
		case err != nil:
			return err
		case held && time.Now().After(end):
			return failWith(fmt.Errorf("all units have stopped, but the engine (pid %d) does not end: if it waits for a disk that does not answer (state D), it ends when that does", info.PID), fmt.Sprintf("ps -L -o lwp,stat,wchan:20,comm -p %d", info.PID))
		case !held && ok && said:
			show.Note(fmt.Sprintf("The engine could not write its end to %s: the next up takes it for one that died.", dir))
			return view.Stopped(s.stdout, info.Name, time.Since(begun))
		case !held && ok:
			return failWith(fmt.Errorf("the engine (pid %d) died while it stopped the system", info.PID), s.again("down", c.Path))
		case !held:
			return view.Stopped(s.stdout, info.Name, time.Since(begun))
		}
		time.Sleep(lookAgain)
	}
}

// endOrphans ends what a dead engine left running. It holds the state
// directory meanwhile, so that no up comes between.
func (c *downCmd) endOrphans(s *session, dir string, info statedir.Info, show *view.Down) error {
	lock, err := statedir.Acquire(dir, info)
	if err != nil {
		return err
	}
	if err := lock.SetDoing(endsLeftovers("down", info)); err != nil {
		return err
	}
	wait := orphanWait
	if c.Timeout != nil {
		wait = c.Timeout.Std()
	}
	found, err := endLife(info, wait, show.Note)
	if err != nil {
		return failWith(fmt.Errorf("end what the engine (pid %d) left running: %w", info.PID, err), s.command("doctor"))
	}
	giveUp(dir)
	st := dead(dir, info)
	for _, l := range found {
		st.Leftovers = append(st.Leftovers, api.Leftover{PID: l.PID, Unit: l.Unit})
	}
	if err := lock.Release(); err != nil {
		return err
	}
	return view.Ended(s.stdout, st)
}

// giveUp closes what a dead engine's guardian keeps for the next one.
func giveUp(dir string) {
	in, err := handover.Ask(dir)
	if err != nil {
		return // it gives it up by itself, in a while
	}
	for _, s := range in.Take() {
		_ = s.Listener.Close()
	}
}
