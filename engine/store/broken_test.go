package store_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/store"
)

// write3000 leaves a closed store of 3,000 events and one fact.
func write3000(t *testing.T) (path string) {
	t.Helper()
	dir := t.TempDir()
	s, _ := open(t, dir)
	for i := range 3000 {
		s.Append(transition(i))
	}
	if err := s.Put("fact", []byte("old")); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	return filepath.Join(dir, "state.db")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs statements in a database of its own making or not.
func run(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.Exec(statements)
	must(t, err)
	must(t, db.Close())
}

// overwrite replaces what a file has between two places by noise.
func overwrite(t *testing.T, path string, from, to int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xa5, 0x5a, 3}, int(to-from)/3), from)
	must(t, err)
	must(t, f.Close())
}

// Whatever stands in the place of the file, a store opens, takes events and
// facts, keeps them, and says what it had to do.
func TestBroken(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, path string)
		aside  string // what the journal says of why, empty where the file survives
		whole  bool   // the last event is still in the file that was set aside
	}{
		{"nothing is wrong", func(*testing.T, string) {}, "", false},
		{"garbage", func(t *testing.T, path string) { overwrite(t, path, 0, 40_000) }, "not a database", false},
		{"short garbage", func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("hello"), 0o600)) }, "not a database", false},
		{"cut to a half", func(t *testing.T, path string) { must(t, os.Truncate(path, 200_000)) }, "malformed", false},
		{"cut within the first page", func(t *testing.T, path string) { must(t, os.Truncate(path, 1000)) }, "malformed", false},
		{"the root of the journal is garbage", func(t *testing.T, path string) { overwrite(t, path, 4096, 8192) }, "malformed", false},
		{"another program's database", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			run(t, path, "CREATE TABLE journal (x); PRAGMA user_version = 1")
		}, "another program", false},
		{"a later version", func(t *testing.T, path string) { run(t, path, "PRAGMA user_version = 2") }, "version 2", true},
		{"a table is missing", func(t *testing.T, path string) { run(t, path, "DROP TABLE fact") }, "no such table", true},
		{"a column is missing", func(t *testing.T, path string) { run(t, path, "ALTER TABLE journal DROP COLUMN until") }, "no such column", true},
		{"a directory", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.MkdirAll(path+"/below", 0o700))
		}, "no regular file", false},
		{"a fifo", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, unix.Mkfifo(path, 0o600))
		}, "no regular file", false},
		{"a link", func(t *testing.T, path string) {
			must(t, os.Rename(path, path+".elsewhere"))
			must(t, os.Symlink(path+".elsewhere", path))
		}, "no regular file", false},
		{"its log is a directory", func(t *testing.T, path string) { must(t, os.Mkdir(path+"-wal", 0o700)) }, "no regular file", false},
		{"its log is garbage", func(t *testing.T, path string) { must(t, os.WriteFile(path+"-wal", make([]byte, 9999), 0o600)) }, "", false},
		{"its log's index is garbage", func(t *testing.T, path string) {
			must(t, os.WriteFile(path+"-shm", bytes.Repeat([]byte("x"), 32768), 0o600))
		}, "", false},
		{"read-only", func(t *testing.T, path string) { must(t, os.Chmod(path, 0o400)) }, "", false},
		{"open to all", func(t *testing.T, path string) { must(t, os.Chmod(path, 0o666)) }, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write3000(t)
			tt.damage(t, path)
			s, log := open(t, filepath.Dir(path))
			goesOn(t, s, path, tt.aside == "")
			found := all(t, s)
			if tt.aside == "" {
				if len(found) != 3001 || log.String() != "" {
					t.Errorf("%d events, and it said %q", len(found), log)
				}
				return
			}
			if !strings.Contains(found[0].Cause, "set aside as state.db.broken-20") || !strings.Contains(found[0].Cause, tt.aside) {
				t.Errorf("the journal begins with %+v", found[0])
			}
			if first := found[0].Seq; tt.whole && first != 3001 {
				t.Errorf("the journal begins with number %d, after 3000", first)
			}
			if !strings.Contains(log.String(), "set aside") || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("it said %q", log)
			}
			kept, err := filepath.Glob(path + ".broken-*")
			if err != nil || len(kept) == 0 {
				t.Errorf("nothing is kept: %v", err)
			}
		})
	}
}

// goesOn uses a store, also in another life.
func goesOn(t *testing.T, s *store.Store, path string, old bool) {
	t.Helper()
	if v, ok := s.Get("fact"); ok != old || old && string(v) != "old" {
		t.Errorf("the fact is %q %t", v, ok)
	}
	last := s.Append(transition(1))
	must(t, s.Put("new", []byte("fact")))
	flush(t, s)
	r, err := store.OpenReader(filepath.Dir(path))
	must(t, err)
	found, err := r.Events(t.Context(), store.Query{Tail: 1})
	if err != nil || len(found) != 1 || found[0].Seq != last.Seq {
		t.Errorf("a reader finds %v, %v, not %d", found, err, last.Seq)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

// A row that is damaged where nobody looked at the start is found when it is
// read: the journal begins anew then, with all facts.
func TestBrokenInside(t *testing.T) {
	path := write3000(t)
	info, err := os.Stat(path)
	must(t, err)
	overwrite(t, path, info.Size()/2, info.Size()/2+90_000)
	s, log := open(t, filepath.Dir(path))
	found := all(t, s)
	last := s.Append(transition(1))
	flush(t, s)
	if v, _ := s.Get("fact"); string(v) != "old" {
		t.Errorf("the fact is %q", v)
	}
	if last.Seq < 3000 {
		t.Errorf("the numbers begin again, with %d", last.Seq)
	}
	if !strings.Contains(log.String(), "set aside") && !damaged(found) {
		t.Errorf("%d events, and it said %q", len(found), log)
	}
	closeStore(t, s)
	s, _ = open(t, filepath.Dir(path))
	if v, _ := s.Get("fact"); string(v) != "old" {
		t.Errorf("in the next life the fact is %q", v)
	}
}

// While it is open, too, the file may be broken, removed or replaced.
func TestBrokenMeanwhile(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, path string)
		says   string
	}{
		{"removed", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Remove(path+"-wal"))
			must(t, os.Remove(path+"-shm"))
		}, "another one than before"},
		{"replaced", func(t *testing.T, path string) {
			other := write3000(t)
			must(t, os.Rename(other, path))
		}, "another one than before"},
		{"a directory", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Mkdir(path, 0o700))
		}, "set aside"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "state.db")
			s, log := open(t, dir)
			s.Append(transition(1))
			must(t, s.Put("fact", []byte("mine")))
			flush(t, s)
			tt.damage(t, path)
			last := s.Append(transition(2))
			flush(t, s)
			if !strings.Contains(log.String(), tt.says) {
				t.Errorf("it said %q", log)
			}
			for range 2 {
				found := all(t, s)
				i := slices.IndexFunc(found, func(ev event.Event) bool { return ev.Time.Equal(last.Time) })
				if i < 0 || i < len(found)-2 {
					t.Errorf("the journal ends with %+v", found[max(0, len(found)-3):])
				}
				if facts := s.List(""); len(facts) != 1 || string(facts[0].Value) != "mine" {
					t.Errorf("facts %q", facts)
				}
				closeStore(t, s)
				s, _ = open(t, dir)
			}
		})
	}
}

// Only the newest of the files that were set aside are kept.
func TestAsideIsBounded(t *testing.T) {
	path := write3000(t)
	for range 6 {
		must(t, os.WriteFile(path, []byte("no database"), 0o600))
		s, _ := open(t, filepath.Dir(path))
		closeStore(t, s)
	}
	if got := files(t, filepath.Dir(path)); len(got) != 4 {
		t.Errorf("there are %v", got)
	}
}

// damaged reports whether the journal says that something in it is.
func damaged(events []event.Event) bool {
	return slices.ContainsFunc(events, func(ev event.Event) bool { return strings.Contains(ev.Cause, "is damaged") })
}
