package statedir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// maxFile bounds the small files that are read back.
const maxFile = 16 << 20

// prepare makes the directory, for its owner alone, and refuses one that
// others could have put something into.
func prepare(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("%q is not an absolute path", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d and not to you (user %d): choose another state_dir, or give it to you with chown", dir, st.Uid, os.Geteuid())
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("everybody can write to %s: check what is in it, then make it yours alone with: chmod 700 %s", dir, dir)
	}
	if info.Mode().Perm() != 0o700 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return err
		}
	}
	return ignored(dir)
}

// advised adds what to do where a directory cannot be used.
func advised(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: make room there, or choose another state_dir", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: choose another state_dir", err)
	}
	return err
}

// ignored keeps the directory, which lies beside the configuration, out of
// version control.
func ignored(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, ".gitignore"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString("*\n")
	return errors.Join(err, f.Close())
}

// WriteJSON puts v into a file of the directory, such as ports.json: whole
// or not at all, readable by its owner alone.
func (l *Lock) WriteJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := renameio.WriteFile(filepath.Join(l.dir, name), append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// CreateJSON makes a file such as WriteJSON does where there is none, whoever
// holds the directory, which it makes where it is missing. Of several that
// create at once one wins, and created is false for the others.
func CreateJSON(dir, name string, v any) (created bool, err error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return false, fmt.Errorf("create %s: %w", name, err)
	}
	if err := prepare(dir); err != nil {
		return false, fmt.Errorf("prepare state directory: %w", err)
	}
	temp, err := os.CreateTemp(dir, "."+name+"-*") // 0600
	if err != nil {
		return false, fmt.Errorf("create %s: %w", name, err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(append(data, '\n'))
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return false, fmt.Errorf("create %s: %w", name, err)
	}
	err = os.Link(temp.Name(), filepath.Join(dir, name)) // whole or not at all
	switch {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("create %s: %w", name, err)
	}
	return true, nil
}

// ReadJSON reads what WriteJSON wrote. Where there is no such file it
// returns false and leaves v alone.
func ReadJSON(dir, name string, v any) (bool, error) {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read state: %w", err)
	case info.Size() > maxFile:
		return false, fmt.Errorf("read state: %s is larger than %d MiB", path, maxFile>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("read state: %w", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("read state: %s is damaged: remove it to begin anew: %w", path, err)
	}
	return true, nil
}
