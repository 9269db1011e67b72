package statedir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// formatVersion is that of the lock file.
const formatVersion = "1.0"

// lockName is the file whose lock makes the holder. It is never removed,
// since a lock on a removed file holds nothing.
const lockName = "engine.lock"

// A reader takes the lock for an instant to see whether it is free; Acquire
// looks more than once, so that this does not count as held.
const (
	lockTries = 10
	lockPause = 10 * time.Millisecond
	maxInfo   = 64 << 10
)

// Info says who holds a directory, or held it last.
type Info struct {
	FormatVersion string    `json:"format_version"`
	Name          string    `json:"name"`
	Config        string    `json:"config"` // absolute: file or directory
	PID           int       `json:"pid"`
	Life          string    `json:"life,omitempty"` // empty after an orderly end
	Started       time.Time `json:"started"`
	Dir           string    `json:"dir"` // where the directory was taken, without symbolic links

	// Removed says that the lock is not in Dir any more, and Moved where it is
	// then, unless it is nowhere. See displaced.
	Removed bool   `json:"-"`
	Moved   string `json:"-"`

	// Doing says, while the holder does something that is no engine's work, who
	// it is and what it does: "up (pid 7) ends …". It takes its time, and no
	// engine answers meanwhile.
	Doing string `json:"doing,omitempty"`
}

// Held is the error of a directory that has a holder.
type Held struct {
	Dir  string
	Info Info // PID 0 where the holder has not written it yet
}

func (e *Held) Error() string {
	if e.Info.PID == 0 {
		return fmt.Sprintf("the state directory %s is in use", e.Dir)
	}
	text := fmt.Sprintf("system %q runs already: process %d since %s holds %s",
		e.Info.Name, e.Info.PID, e.Info.Started.Local().Format(time.DateTime), e.Dir)
	if e.Info.Moved != "" {
		text += ", which was moved to " + e.Info.Moved
	}
	return text
}

// Foreign is the error of a directory that belongs to another configuration.
type Foreign struct {
	Dir    string
	Config string // the one that asked
	Owner  string // the one that it belongs to
	PID    int    // of the owner's engine, 0 where none runs
}

func (e *Foreign) Error() string {
	owner := e.Owner
	if e.PID != 0 {
		owner += fmt.Sprintf(", which runs as process %d", e.PID)
	}
	return fmt.Sprintf("the state directory %s belongs to %s: give one of the two another state_dir in its syndicate block, or another --state-dir", e.Dir, owner)
}

// Lock is a held directory.
type Lock struct {
	dir  string
	prev Info

	mu   sync.Mutex
	file *os.File // guarded by mu, nil once released
	info Info     // guarded by mu

	watches sync.WaitGroup // those of AwaitLoss that are being ended
}

// Acquire makes the directory where it is missing, takes it, and records
// info, whose Config, Name, PID and Life the caller fills in. Where the holder
// before did not end in good order, its life stays on record instead until
// SetLife. It returns a [*Held] or a [*Foreign] where somebody else has it.
func Acquire(dir string, info Info) (*Lock, error) {
	if other, held, _ := Read(dir); held && other.Removed {
		return nil, &Held{Dir: dir, Info: other}
	}
	if err := prepare(dir); err != nil {
		return nil, fmt.Errorf("prepare state directory: %w", advised(err))
	}
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", advised(err))
	}
	l, err := take(dir, f, info)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return l, nil
}

func take(dir string, f *os.File, info Info) (*Lock, error) {
	free, err := lock(f, unix.LOCK_EX)
	if err != nil {
		return nil, fmt.Errorf("lock state directory: %w", err)
	}
	prev, readErr := readInfo(f)
	foreign := readErr == nil && !sameConfig(prev, info)
	switch {
	case foreign && free:
		return nil, &Foreign{Dir: dir, Config: info.Config, Owner: prev.Config}
	case foreign:
		return nil, &Foreign{Dir: dir, Config: info.Config, Owner: prev.Config, PID: prev.PID}
	case !free:
		return nil, &Held{Dir: dir, Info: prev}
	}
	l := &Lock{dir: dir, file: f, prev: prev, info: info}
	if prev.Life != "" {
		// It stays on record until the caller has ended what is left of it.
		l.info.Life = prev.Life
	}
	l.info.FormatVersion, l.info.Dir = formatVersion, resolve(dir)
	if l.info.Started.IsZero() {
		l.info.Started = time.Now()
	}
	if err := l.write(); err != nil {
		return nil, fmt.Errorf("record holder of state directory: %w", advised(err))
	}
	return l, nil
}

// lock tries to lock the file, and reports whether it was free.
func lock(f *os.File, how int) (bool, error) {
	for try := 1; ; try++ {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return false, err
		case try == lockTries || how == unix.LOCK_SH:
			return false, nil
		}
		time.Sleep(lockPause)
	}
}

// readInfo reads the first value of the file: behind it the rest of a longer
// one may stand while the holder writes.
func readInfo(f *os.File) (Info, error) {
	var info Info
	err := json.NewDecoder(io.NewSectionReader(f, 0, maxInfo)).Decode(&info)
	return info, err
}

// sameConfig reports whether a configuration may use the directory of
// another: it is the same one, the other is gone (the project has moved), or
// one is the directory of the other and both have one name.
func sameConfig(prev, now Info) bool {
	if prev.Config == "" || prev.Config == now.Config {
		return true
	}
	was, err := os.Stat(prev.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	is, isErr := os.Stat(now.Config)
	if err == nil && isErr == nil && os.SameFile(was, is) {
		return true
	}
	inside := filepath.Dir(prev.Config) == now.Config || filepath.Dir(now.Config) == prev.Config
	return inside && prev.Name == now.Name
}

// write records the holder. The file is never shorter than its first value.
// The caller holds mu or is the only one to know l.
func (l *Lock) write() error {
	data, err := json.Marshal(l.info)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if _, err := l.file.WriteAt(data, 0); err != nil {
		return err
	}
	return l.file.Truncate(int64(len(data)))
}

// Dir returns the directory.
func (l *Lock) Dir() string { return l.dir }

// Previous returns who held the directory before without ending in good
// order: its life's processes may still run.
func (l *Lock) Previous() (Info, bool) { return l.prev, l.prev.Life != "" }

// SetLife records another life, such as the one that an engine goes on with.
func (l *Lock) SetLife(life string) error {
	return l.record("life", func(info *Info) { info.Life = life })
}

// SetDoing records what the holder does, for those who wait for it; empty is
// nothing any more.
func (l *Lock) SetDoing(what string) error {
	return l.record("what is done", func(info *Info) { info.Doing = what })
}

func (l *Lock) record(what string, set func(*Info)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return fmt.Errorf("record %s: the state directory is released", what)
	}
	set(&l.info)
	if err := l.write(); err != nil {
		return fmt.Errorf("record %s: %w", what, err)
	}
	return nil
}

// Release gives the directory back after an orderly end: the life is over.
func (l *Lock) Release() error {
	defer l.watches.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	l.info.Life = ""
	err := l.write()
	err = errors.Join(err, l.file.Close())
	l.file = nil
	if err != nil {
		return fmt.Errorf("release state directory: %w", err)
	}
	return nil
}

// Read tells who holds a directory or held it last, and whether it is held
// now: also by somebody whom it was taken from by removing or moving it. Where
// no system ever was, the error is [fs.ErrNotExist].
func Read(dir string) (info Info, held bool, err error) {
	info, held, err = read(dir)
	if mayBeDisplaced(info, held, err) {
		if other, ok := displaced(dir); ok {
			return other, true, nil
		}
	}
	return info, held, err
}

// mayBeDisplaced reports whether somebody may have taken a directory that was
// removed or moved since, by what read has found there. To look for such costs
// time, and where the last one ended in good order there is none.
func mayBeDisplaced(info Info, held bool, err error) bool {
	return errors.Is(err, fs.ErrNotExist) || err == nil && !held && info.Life != ""
}

// Foresee is for who will Look or Acquire in less than a second, and has
// something else to do until then. To find whoever had a directory that was
// removed, all locks of the machine are looked at. For that the kernel holds up
// whoever locks a file, and waits until it has (percpu_down_write): 10 ms and
// more, in which nothing is done.
func Foresee(dir string) {
	if mayBeDisplaced(read(dir)) {
		foresee()
	}
}

func read(dir string) (info Info, held bool, err error) {
	f, err := os.Open(filepath.Join(dir, lockName))
	if err != nil {
		return Info{}, false, fmt.Errorf("read lock: %w", err)
	}
	defer f.Close()
	free, err := lock(f, unix.LOCK_SH)
	if err != nil {
		return Info{}, false, fmt.Errorf("read lock: %w", err)
	}
	info, err = readInfo(f)
	if err != nil && free {
		return Info{}, false, fmt.Errorf("read lock: no system is recorded in it: %w", fs.ErrNotExist)
	}
	return info, !free, nil
}

// Look returns the [*Held] or [*Foreign] that Acquire would return, without
// waiting and without taking the directory, and nil where it is free for info.
func Look(dir string, info Info) error {
	prev, held, err := Read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !sameConfig(prev, info) && held:
		return &Foreign{Dir: dir, Config: info.Config, Owner: prev.Config, PID: prev.PID}
	case !sameConfig(prev, info):
		return &Foreign{Dir: dir, Config: info.Config, Owner: prev.Config}
	case held:
		return &Held{Dir: dir, Info: prev}
	}
	return nil
}

// Find returns the state directories below base that the configuration with
// this absolute path, a file or a directory, has used.
func Find(base, config string) ([]string, error) {
	entries, err := os.ReadDir(base)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for state directories: %w", err)
	}
	var found []string
	for _, e := range entries {
		dir := filepath.Join(base, e.Name())
		info, _, err := Read(dir)
		if err == nil && filepath.Clean(info.Config) == config {
			found = append(found, dir)
		}
	}
	return found, nil
}
