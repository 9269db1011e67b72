package statedir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// resolve returns a path without symbolic links, as far as it exists.
func resolve(path string) string {
	path = filepath.Clean(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolve(parent), filepath.Base(path))
}

// AwaitLoss returns nil once the lock, or one of the named files of the
// directory, has been removed, and the cause of ctx when that ends first.
// Another error says that it cannot be watched for.
func (l *Lock) AwaitLoss(ctx context.Context, names ...string) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the state directory: %w", err)
	}
	// The kernel takes up to 20 ms for the end of a watch (it waits for whoever
	// may still look at it: synchronize_srcu). Release waits for that, not we.
	defer l.watches.Go(func() { _ = w.Close() })
	for _, name := range append([]string{lockName}, names...) {
		// What is gone already is found below.
		if err := w.Add(filepath.Join(l.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("watch the state directory: %w", err)
		}
	}
	for {
		if l.lost() {
			return nil
		}
		for _, name := range names {
			if _, err := os.Lstat(filepath.Join(l.dir, name)); errors.Is(err, fs.ErrNotExist) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.Events: // of a file that is open its end is a change of the number of its links
		case err := <-w.Errors:
			return fmt.Errorf("watch the state directory: %w", err)
		}
	}
}

// lost reports whether the file that is locked has been removed.
func (l *Lock) lost() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file != nil && removed(l.file)
}

// removed reports whether an open file has no name any more.
func removed(f *os.File) bool {
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil && st.Nlink == 0
}

// Restore makes the directory anew where the lock was removed, has fill put
// back what belongs into it, and takes it: whoever finds it taken finds
// everything else. Where the lock is in its place fill is all that is done. Of
// what the directory lies in at most the last part is made: whoever removed a
// whole project is not to find it again.
//
// It reports whether the directory was taken anew. The error is a [*Held]
// where somebody else has it by now; it is also one that it was moved.
func (l *Lock) Restore(fill func() error) (made bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.file == nil:
		return false, nil
	case removed(l.file):
		made, err = true, l.restore(fill)
	default:
		if err = l.inPlace(); err == nil {
			err = fill()
		}
	}
	if err != nil {
		return false, fmt.Errorf("restore state directory: %w", advised(err))
	}
	return made, nil
}

// inPlace returns an error where the lock is not in its directory.
func (l *Lock) inPlace() error {
	path := filepath.Join(l.dir, lockName)
	now, err := os.Lstat(path)
	held, heldErr := l.file.Stat()
	if err = errors.Join(err, heldErr); err == nil && !os.SameFile(now, held) {
		err = errors.New("the lock there is another one")
	}
	if err != nil {
		return fmt.Errorf("it was moved: %w", err)
	}
	return nil
}

func (l *Lock) restore(fill func() error) error {
	if _, err := os.Stat(filepath.Dir(filepath.Dir(l.dir))); err != nil {
		return err
	}
	if err := prepare(l.dir); err != nil {
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(l.dir, lockName), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	free, err := lock(f, unix.LOCK_EX)
	if err == nil && !free {
		other, _ := readInfo(f)
		err = &Held{Dir: l.dir, Info: other}
	}
	old := l.file
	if err == nil {
		l.file = f
		err = l.write()
	}
	if err != nil {
		l.file = old
		return errors.Join(err, f.Close())
	}
	return old.Close()
}

// Keep makes a file of the directory such as WriteJSON does, unless it is
// there.
func (l *Lock) Keep(name string, v any) error {
	if _, err := os.Lstat(filepath.Join(l.dir, name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return l.WriteJSON(name, v)
}
