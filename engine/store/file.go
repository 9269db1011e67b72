package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sidecars are the files beside the database that belong to it.
var sidecars = [...]string{"-wal", "-shm", "-journal"}

// maxAside is how many files that were set aside are kept.
const maxAside = 3

// file is the database's file. It belongs to whoever has the turn.
type file struct {
	path   string
	bounds bounds
	db     *database   // nil where it is closed
	info   os.FileInfo // of the file that was opened last
	// mine says that the file opened last holds the facts in memory, but
	// for those that wait.
	mine bool

	// syncing is closed at the end of the checkpoint that was begun last;
	// nil is none, or one whose end has been seen.
	syncing chan struct{}
	// complete says that it put everything in its place, and quiet that
	// nothing was written since it began.
	complete, quiet bool
	held            *reading // of the log, by that checkpoint
}

// unusable is why a file must be set aside.
type unusable struct{ why string }

func (e *unusable) Error() string { return e.why }

// open opens the file, which it makes where there is none, and reports
// whether it is another one than before.
func (f *file) open() (db *database, other bool, err error) {
	if f.db != nil {
		if !f.replaced() {
			return f.db, false, nil
		}
		_ = f.close()
		f.mine = false
	}
	info, made, err := f.prepare()
	if err != nil {
		return nil, false, err
	}
	if db, err = openDatabase(f.path, f.bounds); err != nil {
		return nil, false, err
	}
	if made || f.info != nil && !os.SameFile(f.info, info) {
		f.mine = false
	}
	f.db, f.info = db, info
	return db, !f.mine, nil
}

// replaced reports whether the open file is no longer the one of that name.
func (f *file) replaced() bool {
	info, err := os.Lstat(f.path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(f.info, info)
}

// close closes the file. What was written stays.
func (f *file) close() error {
	f.settle() // or the checkpoint would outlive the file's name
	if f.db == nil {
		return nil
	}
	err := f.db.close()
	f.db = nil
	return err
}

// prepare makes the file where there is none, for its owner alone, and looks
// whether it and its sidecars can be used. The database is not open: closing
// a file would take the locks off it that this process has.
func (f *file) prepare() (info os.FileInfo, made bool, err error) {
	for _, suffix := range sidecars {
		if err := usable(f.path+suffix, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, false, err
		}
	}
	err = usable(f.path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		made = true
		err = usable(f.path, unix.O_CREAT|unix.O_EXCL)
	}
	if err != nil {
		return nil, false, err
	}
	info, err = os.Lstat(f.path)
	return info, made, err
}

// usable opens and closes a file that must be a regular one of this user's.
func usable(path string, flags int) error {
	info, err := os.Lstat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return &unusable{fmt.Sprintf("%s is no regular file (%s)", filepath.Base(path), info.Mode().Type())}
	case err == nil && info.Mode().Perm() != 0o600:
		if err := os.Chmod(path, 0o600); err != nil && !errors.Is(err, syscall.EPERM) {
			return err
		}
	case err != nil && flags == 0:
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|flags, 0o600)
	switch {
	case err == nil:
		return f.Close()
	case flags == 0 && errors.Is(err, fs.ErrPermission):
		return &unusable{err.Error()}
	}
	return err
}

// setAside renames the file and what belongs to it, and returns its new name.
// Of those set aside before the oldest are removed.
func (f *file) setAside(now time.Time) (string, error) {
	_ = f.close()
	f.mine = false
	base := name + ".broken-" + now.Format("20060102-150405")
	aside := base
	for n := 2; ; n++ {
		_, err := os.Lstat(filepath.Join(filepath.Dir(f.path), aside))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("set %s aside: %w", name, err)
		}
		aside = fmt.Sprintf("%s-%d", base, n)
	}
	to := filepath.Join(filepath.Dir(f.path), aside)
	for _, suffix := range append([]string{""}, sidecars[:]...) {
		if err := os.Rename(f.path+suffix, to+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("set %s aside: %w", name, err)
		}
	}
	f.forget()
	return aside, nil
}

// forget removes the oldest of the files that were set aside. What is no
// regular file is somebody's: it stays.
func (f *file) forget() {
	found, err := filepath.Glob(filepath.Join(filepath.Dir(f.path), name+".broken-*"))
	if err != nil {
		return // a state directory with a bracket in its name
	}
	found = slices.DeleteFunc(found, func(path string) bool {
		for _, suffix := range sidecars {
			if len(path) > len(suffix) && path[len(path)-len(suffix):] == suffix {
				return true
			}
		}
		return false
	})
	slices.Sort(found)
	for _, path := range found[:max(0, len(found)-maxAside)] {
		for _, suffix := range append([]string{""}, sidecars[:]...) {
			if info, err := os.Lstat(path + suffix); err == nil && info.Mode().IsRegular() {
				_ = os.Remove(path + suffix)
			}
		}
	}
}
