package handover

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/syndicate/syndicate/localsocket"
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
	addr, done, err := localsocket.Address(stateDir, doorName)
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

// Stands reports whether the file that Open made is there.
func Stands(stateDir string) bool {
	_, err := os.Lstat(filepath.Join(stateDir, doorName))
	return !errors.Is(err, fs.ErrNotExist)
}

// Remove removes the file that Open made, if there is one.
func Remove(stateDir string) error {
	err := os.Remove(filepath.Join(stateDir, doorName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
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
