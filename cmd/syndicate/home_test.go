package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/statedir"
)

// A change that drops a port, and is refused or taken back, loses no number.
func TestAPortKeepsItsNumberWhateverIsDeclaredMeanwhile(t *testing.T) {
	lock, err := statedir.Acquire(t.TempDir(), statedir.Info{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	h := &home{lock: lock}
	defer h.leave()
	web := &spec.Service{
		Block: spec.Block{Addr: spec.Addr{Kind: spec.KindService, Name: "web"}},
		Host:  "127.0.0.1", Port: &spec.Port{Auto: true},
	}
	with := &spec.System{Services: []*spec.Service{web}}
	first, err := h.portsFor(with, false, nil, nil)
	if err != nil || len(first) != 1 {
		t.Fatalf("got %v, %v", first, err)
	}
	if none, err := h.portsFor(&spec.System{}, false, nil, nil); err != nil || len(none) != 0 {
		t.Fatalf("got %v, %v", none, err)
	}
	if again, err := h.portsFor(with, false, nil, nil); err != nil || !maps.Equal(again, first) {
		t.Errorf("got %v, %v; was %v", again, err, first)
	}

	// A stranger that has the number keeps it.
	stranger, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first["service.web"]))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if other, err := h.portsFor(with, true, nil, nil); err != nil || other["service.web"] == 0 || maps.Equal(other, first) {
		t.Errorf("got %v, %v; %v is taken", other, err, first)
	}
}

// Who has the directory for something that takes its time is waited for until
// that is done, however long it takes, and named once.
func TestAnUpWaitsForWhoEndsLeftovers(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		lock, err := statedir.Acquire(dir, statedir.Info{Name: "test", PID: 4711, Life: "old"})
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.SetDoing(endsLeftovers("down", statedir.Info{PID: 42})); err != nil {
			t.Fatal(err)
		}
		var told bytes.Buffer
		s := &session{stderr: stream{Writer: &told}}
		done := make(chan error, 1)
		go func() {
			runs, err := s.answers(t.Context(), dir)
			if runs {
				err = errors.New("it takes nobody for an engine")
			}
			done <- err
		}()
		time.Sleep(4 * answerWait) // of the bubble's clock
		select {
		case err := <-done:
			t.Fatalf("it gave up: %v", err)
		default:
		}
		if err := lock.Release(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := fmt.Sprintf("Waiting while down (pid %d) ends what the engine with pid 42 left running.\n", os.Getpid())
		if told.String() != want {
			t.Errorf("it told %q, want %q", told.String(), want)
		}

		// What an engine needs to start is a moment.
		lock, err = statedir.Acquire(dir, statedir.Info{Name: "test", PID: 4711, Life: "new"})
		if err != nil {
			t.Fatal(err)
		}
		defer lock.Release()
		if _, err := s.answers(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("an engine that never answers: %v", err)
		}
	})
}

// A key is used before it is kept. Where somebody else's is kept by then, that
// one counts, and what was made with the first is to be made again.
func TestANewKeyGivesWayToTheOneThatIsKept(t *testing.T) {
	lock, err := statedir.Acquire(t.TempDir(), statedir.Info{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	h := &home{lock: lock, key: newKey()}
	defer h.leave()
	theirs, err := makeKey(lock.Dir())
	if err != nil {
		t.Fatal(err)
	}
	h.keep()
	if other, err := h.settleKey(); err != nil || !other || !bytes.Equal(h.key, theirs) {
		t.Errorf("got %x, another one: %v, %v; want %x", h.key, other, err, theirs)
	}
	if other, err := h.settleKey(); err != nil || other {
		t.Errorf("it is settled, and got %v, %v", other, err)
	}

	again := &home{lock: lock}
	if err := again.findKey(); err != nil {
		t.Fatal(err)
	}
	if other, err := again.settleKey(); err != nil || other || !bytes.Equal(again.key, theirs) {
		t.Errorf("got %x, another one: %v, %v; want %x", again.key, other, err, theirs)
	}
}
