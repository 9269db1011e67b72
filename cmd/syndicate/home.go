package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/handover"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/statedir"
	"github.com/syndicate/syndicate/view"
)

// The small files of a state directory: the numbers that "auto" became, and
// the key of the digests that stand for sensitive values in a comparison.
const (
	portsFile = "ports.json"
	keyFile   = "digest-key.json"
)

// leftoverWait is how long what a dead engine left running may take to end
// before it is killed.
const leftoverWait = 10 * time.Second

// home is a state directory that this process holds.
type home struct {
	lock   *statedir.Lock
	config string // absolute
	life   string
	ports  engine.Ports
	key    []byte // of digests; one that is not kept yet may change: see settleKey
	goesOn bool   // the life of an engine that died here goes on

	keeping sync.WaitGroup // keeps a new key
	kept    []byte         // the key that everybody has, once keeping is done
	keepErr error

	// inherited are the sockets that the engine before listened on. They are
	// its guardian's still until they are taken.
	inherited *handover.Inheritance
	passed    engine.Passed // by the service manager

	choosing sync.Mutex   // guards what follows, and the file of ports
	numbers  engine.Ports // all that the file has
	token    string       // of the HTTP endpoint, as its file has it; empty without

	log *ownLog // of an engine in the background; nil without
}

// moveIn takes the state directory of a system. What an engine that died
// there left running is ended first.
func (s *session) moveIn(sys *spec.System, config string) (*home, error) {
	h := &home{config: config, life: newLife()}
	var err error
	h.lock, err = statedir.Acquire(sys.StateDir, statedir.Info{
		Name: sys.Name, Config: config, PID: os.Getpid(), Life: h.life,
	})
	if held, ok := errors.AsType[*statedir.Held](err); ok {
		return nil, failWith(held, s.here("status")+"   or, to stop it: "+s.here("down"))
	}
	if err != nil {
		return nil, failWith(err, "")
	}
	if err := s.endLeftovers(h); err != nil {
		return nil, failWith(err, s.anew("doctor"))
	}
	if h.inherited, err = handover.Ask(sys.StateDir); err != nil {
		view.Note(s.stderr, err.Error()) // it is as if there were none
	}
	h.passed, err = engine.MatchPassed(sys, s.passed)
	if err == nil {
		h.ports, err = h.portsFor(sys, true, nil, nil)
	}
	if err := errors.Join(err, h.findKey()); err != nil {
		h.leave()
		return nil, failWith(err, s.anew("doctor"))
	}
	return h, nil
}

// endLeftovers ends what an engine that died here left running. Where that
// fails its life stays on record, for the next attempt.
func (s *session) endLeftovers(h *home) error {
	prev, died := h.lock.Previous()
	if !died {
		return nil
	}
	h.goesOn = true
	if err := h.lock.SetDoing(endsLeftovers("up", prev)); err != nil {
		return err
	}
	left, err := endLife(prev, leftoverWait, func(text string) { view.Note(s.stderr, text) })
	if err != nil {
		return fmt.Errorf("end what the engine with pid %d left running when it died: %w", prev.PID, err)
	}
	if len(left) > 0 {
		ended := "1 process that it left running was ended"
		if len(left) > 1 {
			ended = fmt.Sprintf("%d processes that it left running were ended", len(left))
		}
		_ = view.DeathNote(s.stderr, dead(h.lock.Dir(), prev), ended)
	}
	return errors.Join(h.lock.SetLife(h.life), h.lock.SetDoing(""))
}

// endsLeftovers is what a command does that ends what a dead engine left, for
// those who wait for it.
func endsLeftovers(command string, dead statedir.Info) string {
	return fmt.Sprintf("%s (pid %d) ends what the engine with pid %d left running", command, os.Getpid(), dead.PID)
}

// portsFor decides on the numbers of "auto" ports, those of before where they
// can be had, and keeps them: where the system is idle, those that a stranger
// has taken meanwhile cannot. What is not declared keeps its number, too: a
// change may be refused, or taken back, or concern but a part of what runs.
// For the same reason those that a running system has count before the kept.
// What is said of others holds as for ChoosePorts.
func (h *home) portsFor(sys *spec.System, idle bool, running engine.Ports, others map[int]bool) (engine.Ports, error) {
	h.choosing.Lock()
	defer h.choosing.Unlock()
	var kept engine.Ports
	if _, err := statedir.ReadJSON(h.lock.Dir(), portsFile, &kept); err != nil {
		return nil, err
	}
	usable := engine.Ports{}
	maps.Copy(usable, kept)
	maps.Copy(usable, h.passed.Ports(sys))
	if idle {
		usable = usable.Untaken(sys, h.sockets())
	}
	ports, err := engine.ChoosePorts(sys, usable, running, others)
	if err != nil {
		return nil, err
	}
	all := engine.Ports{}
	maps.Copy(all, kept)
	maps.Copy(all, ports)
	h.numbers = all
	if maps.Equal(all, kept) {
		return ports, nil
	}
	return ports, h.lock.WriteJSON(portsFile, all)
}

// sockets are those that were handed to this process.
func (h *home) sockets() []handover.Socket {
	var all []handover.Socket
	if h.inherited != nil {
		all = append(all, h.inherited.Sockets...)
	}
	for _, s := range h.passed {
		all = append(all, s)
	}
	return all
}

// findKey reads the key of the digests, or makes it. A new one is kept while
// the caller goes on: that waits for the disk, longer than a plan takes.
func (h *home) findKey() error {
	dir := h.lock.Dir()
	found, err := statedir.ReadJSON(dir, keyFile, &h.key)
	if found || err != nil {
		return err
	}
	h.key = newKey()
	h.keep()
	return nil
}

func (h *home) keep() {
	dir, key := h.lock.Dir(), h.key
	h.keeping.Go(func() { h.kept, h.keepErr = keepKey(dir, key) })
}

// settleKey waits until a new key is kept, and reports whether what was made
// with it has to be made again: somebody who does not hold the directory has
// been faster, and everybody has that one's key.
func (h *home) settleKey() (other bool, err error) {
	h.keeping.Wait()
	if h.keepErr != nil || h.kept == nil || bytes.Equal(h.kept, h.key) {
		return false, h.keepErr
	}
	h.key = h.kept
	return true, nil
}

// makeKey returns the key of the digests of a state directory, which it
// makes where there is none. Nobody has to hold the directory.
func makeKey(dir string) ([]byte, error) {
	var key []byte
	if found, err := statedir.ReadJSON(dir, keyFile, &key); found || err != nil {
		return key, err
	}
	return keepKey(dir, newKey())
}

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

// keepKey keeps a key where there is none yet, and returns the one that is
// kept then.
func keepKey(dir string, key []byte) ([]byte, error) {
	created, err := statedir.CreateJSON(dir, keyFile, key)
	if err != nil || created {
		return key, err
	}
	_, err = statedir.ReadJSON(dir, keyFile, &key) // another's
	return key, err
}

// leave gives the directory back after an orderly end, once.
func (h *home) leave() {
	h.keeping.Wait()
	if h.inherited != nil {
		h.inherited.Leave() // what is left of it
	}
	_ = h.lock.Release()
}
