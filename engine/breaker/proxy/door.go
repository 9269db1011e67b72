package proxy

import (
	"context"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/engine/breaker"
)

// door is a listener that can be shut and opened again without giving up its
// address: while it is shut the kernel refuses connections itself. On Linux a
// socket that listens at a port of its choice and is shut down for reading is
// closed to connections and bound still, and listens again when told to (a
// port that the kernel chose is given up); where it does not go, the door
// stays open.
type door struct {
	listener syscall.Conn

	mu     sync.Mutex
	opened chan struct{} // closed once it is open again; nil: it is open; guarded by mu
}

// shut closes it to connections, those that were not accepted yet as well.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened != nil {
		return
	}
	opened := make(chan struct{})
	d.opened = opened
	if d.control(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) }) != nil {
		d.opened = nil
	}
}

// open lets connections in, and reports whether that went: somebody else may
// have taken the address.
func (d *door) open() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened != nil && d.control(func(fd int) error { return unix.Listen(fd, unix.SOMAXCONN) }) == nil {
		close(d.opened)
		d.opened = nil
	}
	return d.opened == nil
}

func (d *door) control(do func(fd int) error) error {
	raw, err := d.listener.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// wait waits until it is open again or ctx ends, and reports whether it was
// shut.
func (d *door) wait(ctx context.Context) bool {
	d.mu.Lock()
	opened := d.opened
	d.mu.Unlock()
	if opened == nil {
		return false
	}
	select {
	case <-opened:
	case <-ctx.Done():
	}
	return true
}

// keepDoor shuts the door while the guard lets nothing through, until ctx
// ends.
func (p *TCP) keepDoor(ctx context.Context, d *door) {
	moved, stop := p.cfg.Guard.Watch()
	defer stop()
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	for {
		s := p.cfg.Guard.Snapshot()
		due.Stop()
		if s.State == breaker.Open {
			due.Reset(time.Until(s.Until))
		}
		if p.policy.Load().Refuse && (s.Mode == breaker.ForcedOpen || s.Mode == breaker.Auto && s.State == breaker.Open) {
			d.shut()
		} else if !d.open() {
			due.Reset(time.Second)
		}
		select {
		case <-ctx.Done():
			return
		case <-moved:
		case <-due.C:
		case <-p.changed:
		}
	}
}
