package store

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/engine/event"
)

// What is written after a checkpoint has ended, and before its end is seen, is
// put behind the log: SQLite would begin the log again otherwise, and wait for
// the disk to do so.
func TestAWriteAtTheEndOfACheckpoint(t *testing.T) {
	f := &file{path: filepath.Join(t.TempDir(), name), bounds: bounds{defaultMaxEvents, defaultMaxBytes}}
	defer f.close()
	q := newQueue("life")
	write := func() int64 {
		t.Helper()
		db, _, err := f.open()
		if err != nil {
			t.Fatal(err)
		}
		q.append(event.Event{Time: time.Now(), Kind: event.Notice})
		b := q.take()
		f.empty()
		if err := db.write(b); err != nil {
			t.Fatal(err)
		}
		q.done(b)
		f.quiet = false
		return db.logSize()
	}
	write()
	before := write()
	if !f.checkpoint(make(chan struct{}, 1), false) {
		t.Fatal("there was nothing to copy")
	}
	<-f.syncing
	if !f.complete {
		t.Fatal("the checkpoint did not copy everything")
	}
	if after := write(); after <= before {
		t.Errorf("the log was %d bytes long and is %d: it was begun again", before, after)
	}
	f.truncate()

	// One that nothing was written after is emptied, also where somebody
	// read just then.
	reader := readLog(f.path)
	f.checkpoint(make(chan struct{}, 1), false)
	<-f.syncing
	f.truncate()
	if size := f.db.logSize(); size == 0 {
		t.Fatal("the log was emptied below a reader")
	}
	reader.Close()
	f.empty()
	if info, err := os.Stat(f.path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the log is not emptied: %v, %v", info, err)
	}
}

// Who expects to give nothing more need not wait for the disk at the end; and
// what comes all the same is not lost.
func TestRepose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, err := Open(Config{Dir: dir, Life: "life", Logger: hclog.NewNullLogger()})
		if err != nil {
			t.Fatal(err)
		}
		s.Append(event.Event{Kind: event.Notice})
		s.Repose()
		synctest.Wait()
		if info, err := os.Stat(filepath.Join(dir, name+"-wal")); err != nil || info.Size() != 0 {
			t.Errorf("the log is not copied: %v, %v", info, err)
		}
		s.Append(event.Event{Kind: event.Notice})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReader(dir)
		if err != nil {
			t.Fatal(err)
		}
		found, err := r.Events(t.Context(), Query{})
		if err != nil || len(found) != 2 {
			t.Errorf("it has %d events of 2: %v", len(found), err)
		}
	})
}
