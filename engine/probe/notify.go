package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Bounds of what a unit may send and of where its socket lies.
const (
	maxDatagram   = 4 << 10
	maxStatusText = 256
	maxSocketPath = 100 // sun_path has 108 bytes, 104 on other systems
)

// NotifyConfig describes the socket of one run.
type NotifyConfig struct {
	// Belongs reports whether a process is part of the run's process tree;
	// datagrams of all others are ignored. It is asked at once, while the
	// sender still exists in all but the hastiest cases, and may be asked
	// before the caller knows the run's first process.
	Belongs func(pid int) bool
	// UID is the user that the run's processes have, where it is another
	// than the engine's: the socket is made theirs. 0 changes nothing.
	UID int
}

// Notifier makes the sockets that units send sd_notify messages to. It costs
// a directory and nothing else until a socket is asked for.
type Notifier struct {
	dir string

	mu   sync.Mutex
	next int // guarded by mu
}

// NewNotifier returns a Notifier whose sockets lie in dir, which it makes
// and takes for itself: what an engine that was killed left in it is
// removed. Where dir is too long for a socket, or other users have to
// reach it (the engine being root), it takes a temporary directory.
func NewNotifier(dir string) (*Notifier, error) {
	if len(dir) > maxSocketPath-8 || os.Geteuid() == 0 {
		tmp, err := os.MkdirTemp("", "syndicate-")
		if err != nil {
			return nil, fmt.Errorf("make directory for notify sockets: %w", err)
		}
		dir = tmp
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory for notify sockets: %w", err)
	}
	stale, err := filepath.Glob(filepath.Join(dir, "n*"))
	if err == nil {
		for _, path := range stale {
			_ = os.Remove(path)
		}
	}
	if os.Geteuid() == 0 {
		// Searchable, not readable: a unit with another user reaches the
		// one socket whose name it was given, which is that user's own.
		if err := os.Chmod(dir, 0o711); err != nil {
			return nil, fmt.Errorf("open directory of notify sockets: %w", err)
		}
	}
	return &Notifier{dir: dir}, nil
}

// path returns a name that no socket had before.
func (n *Notifier) path() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	return filepath.Join(n.dir, "n"+strconv.Itoa(n.next))
}

// Close removes the directory. The sockets are closed before.
func (n *Notifier) Close() error {
	if err := os.Remove(n.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove directory of notify sockets: %w", err)
	}
	return nil
}

// Socket is where the processes of one run report. It is made before the
// run starts, so that a message of the run before cannot count.
type Socket struct {
	path    string
	belongs func(pid int) bool
	ready   chan struct{}
	done    chan struct{}
	closing func() error

	mu      sync.Mutex
	status  string // guarded by mu
	isReady bool   // guarded by mu
	strange int    // guarded by mu: pid of the last sender that was ignored
}

// Path is the value of NOTIFY_SOCKET for the run's processes.
func (s *Socket) Path() string { return s.path }

// Ready is closed at the first READY=1.
func (s *Socket) Ready() <-chan struct{} { return s.ready }

// Status is the last STATUS= text: one line of at most 256 bytes, which may
// hold whatever the unit wrote.
func (s *Socket) Status() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Close ends the listening and removes the socket.
func (s *Socket) Close() error { return s.closing() }

// receive takes one datagram of a process.
func (s *Socket) receive(pid int, data []byte) {
	if pid <= 0 || s.belongs == nil || !s.belongs(pid) {
		s.mu.Lock()
		s.strange = pid
		s.mu.Unlock()
		return
	}
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		name, value, _ := strings.Cut(string(line), "=")
		s.mu.Lock()
		switch {
		case name == "STATUS":
			s.status = oneLine(value)
		case name == "READY" && value == "1" && !s.isReady:
			s.isReady = true
			close(s.ready)
		}
		s.mu.Unlock()
	}
}

// oneLine makes a text fit to be shown: no control characters, valid UTF-8,
// bounded.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxStatusText {
		s = strings.ToValidUTF8(s[:maxStatusText], "")
	}
	return strings.TrimSpace(s)
}

// notifyCheck waits for READY=1.
type notifyCheck struct{ socket *Socket }

func (c notifyCheck) wait(ctx context.Context) error {
	select {
	case <-c.socket.ready:
		return nil
	default:
	}
	select {
	case <-c.socket.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c notifyCheck) state() error {
	c.socket.mu.Lock()
	defer c.socket.mu.Unlock()
	if c.socket.strange > 0 {
		return fmt.Errorf("nothing received, but a message of process %d, which is not part of the unit, was ignored", c.socket.strange)
	}
	return errors.New("nothing received; does the program call sd_notify?")
}
