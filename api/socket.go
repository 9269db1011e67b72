package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/localsocket"
)

// SocketName is the name of the control socket in the state directory.
const SocketName = "api.sock"

// LiveError is the error of a socket that another engine answers on.
type LiveError struct {
	Path string
	PID  int // 0 where the system does not tell
}

func (e *LiveError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("another engine listens on %s", e.Path)
	}
	return fmt.Sprintf("process %d listens on %s already", e.PID, e.Path)
}

// Listen opens the control socket of a state directory for its owner alone.
// A socket that nobody listens on any more is replaced; one that is alive is
// a [*LiveError]. The path may be longer than a socket's address allows.
func Listen(stateDir string) (net.Listener, error) {
	path := filepath.Join(stateDir, SocketName)
	if err := clear(stateDir, path); err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	addr, done, err := localsocket.Address(stateDir, SocketName)
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: addr, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("open control socket %s: %w", path, cause(err))
	}
	// The listener knows only the short path, which ends here.
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("open control socket: %w", err), l.Close(), os.Remove(path))
	}
	made, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open control socket: %w", err), l.Close())
	}
	whole := &listener{UnixListener: l, path: path, made: made}
	whole.closing = sync.OnceValue(whole.close)
	return whole, nil
}

// listener removes its socket when it is closed.
type listener struct {
	*net.UnixListener
	path    string
	made    fs.FileInfo
	closing func() error
}

// Close ends the listening and removes the socket. It may be called more than
// once.
func (l *listener) Close() error { return l.closing() }

func (l *listener) close() error {
	// The socket goes first: once closed, the path could be another's. It is
	// that already where somebody removed ours.
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
		if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, l.UnixListener.Close())
		}
	}
	return l.UnixListener.Close()
}

// clear removes what a dead engine left.
func clear(stateDir, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is not a socket: remove it", path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := Dial(ctx, stateDir)
	if err == nil {
		defer conn.Close()
		live := &LiveError{Path: path}
		if peer, err := localsocket.PeerOf(conn); err == nil {
			live.PID = peer.PID
		}
		return live
	}
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look who listens on %s: %w", path, cause(err))
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Dial connects to the control socket of a state directory. Where nobody
// listens, the error is [fs.ErrNotExist] or [syscall.ECONNREFUSED].
func Dial(ctx context.Context, stateDir string) (net.Conn, error) {
	addr, done, err := localsocket.Address(stateDir, SocketName)
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	return d.DialContext(ctx, "unix", addr)
}

// cause is the part of a network error without the short path.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
