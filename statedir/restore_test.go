package statedir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// awaitLoss waits until the loss of a directory is noticed.
func awaitLoss(t *testing.T, l *Lock, names ...string) <-chan error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	noticed := make(chan error, 1)
	go func() { noticed <- l.AwaitLoss(ctx, names...) }()
	t.Cleanup(cancel)
	return noticed
}

func TestARemovedDirectoryIsRestored(t *testing.T) {
	project, cfg := t.TempDir(), config(t, "a.hcl")
	dir := filepath.Join(project, ".syndicate", "demo")
	l, err := Acquire(dir, info(cfg))
	if err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		noticed := awaitLoss(t, l)
		if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
			t.Fatal(err)
		}
		if err := <-noticed; err != nil {
			t.Fatal(err)
		}
		made, err := l.Restore(func() error {
			if _, err := os.Stat(dir); err != nil {
				t.Error("there is no directory to fill:", err)
			}
			return nil
		})
		if !made || err != nil {
			t.Fatal(made, err)
		}
		if got, held, err := Read(dir); err != nil || !held || got.PID != os.Getpid() || got.Config != cfg {
			t.Errorf("after loss %d: %+v, %v, %v", round, got, held, err)
		}
		if _, err := Acquire(dir, info(cfg)); !isHeld(err) {
			t.Errorf("after loss %d: %v", round, err)
		}
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if _, held, err := Read(dir); held || err != nil {
		t.Errorf("after the release: %v, %v", held, err)
	}
}

// What cannot be filled is not taken: it is tried again.
func TestADirectoryThatCannotBeFilledIsNotTaken(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	l, err := Acquire(dir, info("/a"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no room")
	if made, err := l.Restore(func() error { return full }); made || !errors.Is(err, full) {
		t.Errorf("%v, %v", made, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, lockName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock is there: %v", err)
	}
	if made, err := l.Restore(nothing); !made || err != nil {
		t.Errorf("%v, %v", made, err)
	}
}

// Whoever removes a project does not find it again.
func TestARemovedProjectIsNotMadeAnew(t *testing.T) {
	project := filepath.Join(t.TempDir(), "project")
	dir := filepath.Join(project, ".syndicate", "demo")
	l, err := Acquire(dir, info(config(t, "a.hcl")))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if err := os.RemoveAll(project); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Restore(nothing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(project); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there again: %v", err)
	}
	if err := os.Mkdir(project, 0o700); err != nil { // a fresh clone
		t.Fatal(err)
	}
	if made, err := l.Restore(nothing); !made || err != nil {
		t.Fatal(made, err)
	}
	if _, held, err := Read(dir); !held || err != nil {
		t.Errorf("%v, %v", held, err)
	}
}

func TestTheLossOfASocketIsNoticed(t *testing.T) {
	dir := t.TempDir()
	l, err := Acquire(dir, info("/a"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	path := filepath.Join(dir, "api.sock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	noticed := awaitLoss(t, l, "api.sock")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := <-noticed; err != nil {
		t.Error(err)
	}
	if made, err := l.Restore(nothing); made || err != nil { // the lock is where it was
		t.Error(made, err)
	}
}

func TestAMovedDirectoryIsNotRestored(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	l, err := Acquire(dir, info("/a"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	if made, err := l.Restore(nothing); made || err == nil || !strings.Contains(err.Error(), "was moved") {
		t.Errorf("%v, %v", made, err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there again: %v", err)
	}
}

func TestAFileIsKeptUnlessItIsThere(t *testing.T) {
	dir := t.TempDir()
	l, err := Acquire(dir, info("/a"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	for _, v := range []int{1, 2} {
		if err := l.Keep("ports.json", v); err != nil {
			t.Fatal(err)
		}
	}
	var got int
	if _, err := ReadJSON(dir, "ports.json", &got); err != nil || got != 1 {
		t.Errorf("%d, %v", got, err)
	}
}

func isHeld(err error) bool {
	_, ok := errors.AsType[*Held](err)
	return ok
}

func nothing() error { return nil }
