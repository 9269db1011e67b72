package engine

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/handover"
)

// listeners are the addresses of what the engine itself serves: breakers and
// gateways. One that listened when the engine before was killed is taken over
// rather than opened, and one that the service manager passed is used
// whatever happens to the engine.
type listeners struct {
	host *process.Host
	log  hclog.Logger

	mu        sync.Mutex
	inherited map[string]*kept            // by address; guarded by mu
	passed    map[string]*net.TCPListener // by unit; guarded by mu; open until the engine ends
}

func newListeners(host *process.Host, cfg *Config, logger hclog.Logger) *listeners {
	ls := &listeners{host: host, log: logger, inherited: map[string]*kept{}, passed: map[string]*net.TCPListener{}}
	for unit, s := range cfg.Passed {
		ls.passed[unit] = s.Listener
	}
	declared := addresses(cfg.System, cfg.Ports)
	for _, s := range cfg.Inherited {
		if declared[s.Name] {
			ls.inherited[s.Name] = ls.keep(s.Name, s.Listener)
		} else {
			_ = s.Listener.Close()
		}
	}
	return ls
}

// kept is a socket that the guardian has as well.
type kept struct {
	*net.TCPListener
	release func()
	closed  atomic.Bool

	mu       sync.Mutex
	replaced int // the descriptor that there is instead of the listener's, -1 once that is closed; 0: none; guarded by mu
}

// keep has the guardian keep a socket.
func (ls *listeners) keep(address string, l *net.TCPListener) *kept {
	k := &kept{TCPListener: l}
	var err error
	if k.release, err = ls.host.Keep(address, k); err != nil {
		ls.log.Warn("clients will be refused should this engine be killed, until the next up", "address", address, "error", err)
	}
	return k
}

// Accept implements net.Listener.
func (k *kept) Accept() (net.Conn, error) {
	c, err := k.TCPListener.Accept()
	if err != nil && k.closed.Load() {
		err = net.ErrClosed
	}
	return c, err
}

// Replace has it keep another descriptor of the same socket, which Close closes,
// instead of its own: Go's poller hears of no connection any more, and Accept
// is not to be called.
func (k *kept) Replace(fd int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.replaced = fd
	_ = k.TCPListener.Close()
}

// Close has the address refuse connections at once, although the guardian may
// have the socket open for a moment longer.
func (k *kept) Close() error {
	if k.closed.Swap(true) {
		return net.ErrClosed
	}
	_ = keptSocket{k}.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RD) })
	k.release()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.replaced == 0 {
		return k.TCPListener.Close()
	}
	fd := k.replaced
	k.replaced = -1
	return unix.Close(fd)
}

// SyscallConn implements syscall.Conn, for Control alone.
func (k *kept) SyscallConn() (syscall.RawConn, error) { return keptSocket{k}, nil }

// keptSocket is the socket of a kept, whichever descriptor it has.
type keptSocket struct{ kept *kept }

// Control implements syscall.RawConn.
func (s keptSocket) Control(do func(fd uintptr)) error {
	k := s.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.replaced < 0:
		return net.ErrClosed
	case k.replaced > 0:
		do(uintptr(k.replaced))
		return nil
	}
	raw, err := k.TCPListener.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(do)
}

// Read implements syscall.RawConn.
func (keptSocket) Read(func(uintptr) bool) error { return errors.ErrUnsupported }

// Write implements syscall.RawConn.
func (keptSocket) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

// listen returns what a unit is to serve. Closing it gives the address back,
// but for one that was passed.
func (ls *listeners) listen(unit, host string, port int) (net.Listener, error) {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	ls.mu.Lock()
	passed, inherited := ls.passed[unit], ls.inherited[address]
	delete(ls.inherited, address)
	ls.mu.Unlock()
	switch {
	case passed != nil && passed.Addr().(*net.TCPAddr).Port == port: // a change may have moved the unit
		return handover.Again(passed)
	case inherited != nil:
		return inherited, nil
	}
	if err := portFree(host, port); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return ls.keep(address, l.(*net.TCPListener)), nil
}

// leave closes what was inherited and nobody has taken. Whatever is to listen
// does so by then, or has failed, or was stopped.
func (ls *listeners) leave() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, k := range ls.inherited {
		_ = k.Close()
	}
	ls.inherited = nil
}

// close closes what is not served.
func (ls *listeners) close() {
	ls.leave()
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.passed {
		_ = l.Close()
	}
	ls.passed = nil
}
