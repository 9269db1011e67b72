package statedir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A directory that is removed, moved away, or replaced by an older copy has
// the holder that it had: nobody takes it a second time.
func TestADisplacedHolderIsFound(t *testing.T) {
	cfg := config(t, "a.hcl")
	for _, test := range []struct {
		name     string
		displace func(dir string) error
		moved    bool
	}{
		{name: "removed", displace: os.RemoveAll},
		{name: "emptied", displace: func(dir string) error { return os.Remove(filepath.Join(dir, lockName)) }},
		{name: "moved", moved: true, displace: func(dir string) error { return os.Rename(dir, dir+".old") }},
		{name: "replaced by a copy", moved: true, displace: func(dir string) error {
			if err := os.Rename(dir, dir+".old"); err != nil {
				return err
			}
			return os.CopyFS(dir, os.DirFS(dir+".old"))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			real := t.TempDir()
			linked := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(real, linked); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(linked, ".syndicate", "demo")
			l, err := Acquire(dir, info(cfg))
			if err != nil {
				t.Fatal(err)
			}
			if err := test.displace(dir); err != nil {
				t.Fatal(err)
			}
			moved := ""
			if test.moved {
				moved = filepath.Join(resolve(real), ".syndicate", "demo.old")
			}
			got, held, err := Read(dir)
			if err != nil || !held || got.PID != os.Getpid() || got.Config != cfg || !got.Removed || got.Moved != moved {
				t.Errorf("got %+v, %v, %v", got, held, err)
			}
			for _, dir := range []string{dir, filepath.Join(real, ".syndicate", "demo")} {
				if err := Look(dir, info(cfg)); !isHeld(err) {
					t.Errorf("look: %v", err)
				}
				_, err = Acquire(dir, info(cfg))
				if !isHeld(err) || strings.Contains(err.Error(), "was moved to "+moved) != test.moved {
					t.Errorf("acquire: %v", err)
				}
			}
			// Another directory is nobody's.
			other, err := Acquire(filepath.Join(real, ".syndicate", "other"), info(cfg))
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Release(); err != nil {
				t.Error(err)
			}
			if err := l.Release(); err != nil {
				t.Fatal(err)
			}
			if l, err = Acquire(dir, info(cfg)); err != nil {
				t.Fatalf("once it is given back: %v", err)
			}
			_ = l.Release()
		})
	}
}

// Who looks a moment later finds by what was read in advance, and waits for it.
func TestForesee(t *testing.T) {
	t.Cleanup(func() { ahead.read = nil })
	cfg := config(t, "a.hcl")
	dir := filepath.Join(t.TempDir(), "demo")
	l, err := Acquire(dir, info(cfg))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if Foresee(dir); ahead.read != nil {
		t.Error("the locks are read though the directory is held")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if Foresee(dir); ahead.read == nil {
		t.Fatal("the locks are not read")
	}
	if err := Look(dir, info(cfg)); !isHeld(err) {
		t.Errorf("look: %v", err)
	}
	ahead.read = func() (string, error) { return "", nil }
	if err := Look(dir, info(cfg)); err != nil {
		t.Errorf("it looked once more: %v", err)
	}
	ahead.begun = ahead.begun.Add(-2 * recent)
	if err := Look(dir, info(cfg)); !isHeld(err) {
		t.Errorf("by a list that is old: %v", err)
	}
}

func BenchmarkDisplaced(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		displaced(dir)
	}
}
