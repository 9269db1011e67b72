package process

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/engine/process/vigil"
	"github.com/syndicate/syndicate/handover"
)

// KeepTime is how long a guardian keeps the listening sockets of an engine
// that has died for the next one.
const KeepTime = time.Minute

// doorName is the name under which a guardian has what it is asked at; what
// else it keeps is named by its address.
const doorName = ""

// keeping is what the guardian has in case that the engine dies, whichever
// guardian it is.
type keeping struct {
	mu      sync.Mutex
	guard   *guard                     // that hears of it; nil: none does
	door    *net.UnixListener          // nil until there is something to keep
	sockets map[string]syscall.RawConn // by address
}

// Keep has a listening socket stay open for a while if this process is
// killed, for the next engine, which asks for it by the address
// (package handover). Whoever keeps one calls release before closing it: until
// then it may go on listening. Without a guardian, or a Home, and on systems
// other than Linux it does nothing. An error says that the socket ends with
// this process.
func (h *Host) Keep(address string, socket syscall.Conn) (release func(), err error) {
	release = func() {}
	if h.config.Guardian == "" || h.config.Home == "" || !canKeep {
		return release, nil
	}
	if address == doorName || len(address) > vigil.MaxName {
		return release, fmt.Errorf("keep a socket for the next engine: %q cannot be its name", address)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return release, fmt.Errorf("keep a socket for the next engine: %w", err)
	}
	k := &h.keeping
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.door == nil {
		if err = k.open(h.config.Home); k.door == nil {
			return release, fmt.Errorf("keep a socket for the next engine: %w", err)
		}
	}
	if k.sockets == nil {
		k.sockets = map[string]syscall.RawConn{}
	}
	k.sockets[address] = raw
	err = errors.Join(err, k.guard.give(address, raw))
	if err != nil {
		err = fmt.Errorf("keep a socket for the next engine: %w", err)
	}
	return func() { k.release(address, raw) }, err
}

// Reopen makes anew what a guardian is asked at, where Home was removed.
func (h *Host) Reopen() error {
	k := &h.keeping
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.door == nil || handover.Stands(h.config.Home) {
		return nil
	}
	old := k.door
	if err := k.open(h.config.Home); err != nil {
		return fmt.Errorf("keep sockets for the next engine: %w", err)
	}
	return old.Close()
}

// open makes the door, and gives it to the guardian. k.mu is held.
func (k *keeping) open(home string) error {
	door, err := handover.Open(home)
	if err != nil {
		return err
	}
	k.door = door
	raw, err := door.SyscallConn()
	return errors.Join(err, k.guard.give(doorName, raw))
}

// release has the guardian close its copy, unless that is another's by now.
func (k *keeping) release(address string, raw syscall.RawConn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sockets[address] != raw {
		return
	}
	delete(k.sockets, address)
	_ = k.guard.say(append([]byte{vigil.Drop}, address...), nil) // one that is gone has dropped it
}

// use gives another guardian what there is to keep; nil is none.
func (k *keeping) use(g *guard) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.guard = g
	if k.door == nil {
		return nil
	}
	door, err := k.door.SyscallConn()
	errs := []error{err, g.give(doorName, door)}
	for address, raw := range k.sockets {
		errs = append(errs, g.give(address, raw))
	}
	return errors.Join(errs...)
}

// close ends it in good order.
func (k *keeping) close(home string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.guard, k.sockets = nil, nil
	if k.door != nil {
		_ = k.door.Close()
		_ = handover.Remove(home)
		k.door = nil
	}
}

// give hands a descriptor to a guardian.
func (g *guard) give(name string, raw syscall.RawConn) error {
	if g == nil || raw == nil {
		return nil
	}
	var got error
	err := raw.Control(func(fd uintptr) {
		got = g.say(append([]byte{vigil.Keep}, name...), unix.UnixRights(int(fd)))
	})
	return errors.Join(err, got)
}

// say tells a guardian something. It never waits: one that was stopped, so
// that what it has to hear piles up, misses some.
func (g *guard) say(words, rights []byte) error {
	if g == nil {
		return nil
	}
	for {
		err := unix.Sendmsg(g.ear, words, rights, nil, unix.MSG_DONTWAIT|noSignal)
		if err != unix.EINTR {
			return err
		}
	}
}

// handOn offers what a dead engine's guardian has, for the time that it may.
func handOn(kept []vigil.Kept, wait time.Duration) {
	var door *net.UnixListener
	var sockets []handover.Kept
	for _, k := range kept {
		if k.Name != doorName {
			sockets = append(sockets, handover.Kept(k))
			continue
		}
		l, err := handover.Door(k.FD)
		if err != nil {
			return
		}
		door = l
	}
	if door != nil && len(sockets) > 0 {
		handover.Keep(door, sockets, wait)
	}
}
