package migration

import (
	"context"
	"errors"
	"fmt"
)

// A session that was let in may do anything with the locks that it has then. So
// the locks are taken again behind it, and what is left to do is planned anew
// from what the ledger says.

// errBehind ends a run that has more to do, and no locks.
var errBehind = errors.New("another session was let in")

// endedAtMost is how often a run has a statement ended for others before it
// fails.
const endedAtMost = 5

// goBehind takes the locks again behind a session that was let in. It returns
// err where none was, or where it has been so too often.
func (r *run) goBehind(ctx context.Context, err error, times int) error {
	if !errors.Is(err, errBehind) && (!errors.Is(err, errAwaited) || times > endedAtMost) || ctx.Err() != nil {
		return err
	}
	if err := r.session.exec(ctx, r.session.fresh()); err != nil {
		return r.failed(ctx, "unlock the migrations", err)
	}
	if err := r.session.unlock(ctx); err != nil {
		return r.failed(ctx, "unlock the migrations", err)
	}
	if err := r.session.lock(ctx, func(h Holder) { r.cfg.Progress(Event{Kind: EventWaiting, Holder: h}) }); err != nil {
		return err
	}
	left := r.result.Ledger
	if r.ledger, err = readLedger(ctx, r.session.conn); err != nil {
		return r.failed(ctx, "read the ledger", err)
	}
	r.result.Ledger = r.ledger
	r.moved = left.None != r.ledger.None || left.Version != r.ledger.Version || left.Dirty != r.ledger.Dirty
	return r.catchUp(ctx)
}

// errMoved ends an undo whose start is no longer where it was.
func (r *run) errMoved() error {
	return fmt.Errorf("migrate: another tool was let in, and has changed what is applied: look with syndicate migrate status, and run again; %d of the files were undone before",
		len(r.result.Steps))
}
