package statedir

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestDied(t *testing.T) {
	dir := t.TempDir()
	if _, ok := Died(dir, "first"); ok {
		t.Error("nobody has died here")
	}
	at := time.Date(2026, 1, 31, 12, 0, 0, 500, time.UTC)
	NoteDeath(dir, "first", at)
	if got, ok := Died(dir, "first"); !ok || !got.Equal(at) {
		t.Errorf("died at %s, %v; want %s", got, ok, at)
	}
	for _, life := range []string{"second", ""} {
		if _, ok := Died(dir, life); ok {
			t.Errorf("life %q did not die", life)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, deathName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the note is %v, %v; want it to be its owner's alone", info.Mode(), err)
	}
	NoteDeath(filepath.Join(dir, "gone"), "first", at) // there is nobody to tell
	if err := os.WriteFile(filepath.Join(dir, deathName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := Died(dir, "first"); ok {
		t.Error("a damaged note says nothing")
	}
}
