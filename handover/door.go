package handover

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// doorName is the file that a keeper is asked at, in a state directory.
const doorName = "listeners.sock"

// Open makes the socket that a keeper of a state directory is asked at, for
// its owner alone, in place of that of a keeper before. The directory has to
// be held, so that no two do so at once. Closing it leaves the file: see
// Remove.
func Open(stateDir string) (*net.UnixListener, error) {
	if err := Remove(stateDir); err != nil {
		return nil, err
	}
	addr, done, err := shorten(stateDir)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: addr, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(filepath.Join(stateDir, doorName), 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Remove removes the file that Open made, if there is one.
func Remove(stateDir string) error {
	err := os.Remove(filepath.Join(stateDir, doorName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// maxAddr is how long a socket's address may be, on any system: see unix(7).
const maxAddr = 100

// shorten returns an address of the file that fits. A long directory is
// reached through a descriptor of it, which done closes.
func shorten(stateDir string) (addr string, done func(), err error) {
	path := filepath.Join(stateDir, doorName)
	if len(path) <= maxAddr {
		return path, func() {}, nil
	}
	fd, err := unix.Open(stateDir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, &os.PathError{Op: "open", Path: stateDir, Err: err}
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", fd, doorName), func() { _ = unix.Close(fd) }, nil
}

// Door makes a listener of a copy of what Open has made, which is its own
// from then on.
func Door(fd int) (*net.UnixListener, error) {
	f := os.NewFile(uintptr(fd), doorName)
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	door, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(errors.New("it is no Unix socket"), l.Close())
	}
	door.SetUnlinkOnClose(false)
	return door, nil
}
