package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

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
