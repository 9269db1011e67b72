package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestThreadsThatADiskHolds(t *testing.T) {
	dir := t.TempDir()
	for thread, stat := range map[string]string{
		"10": "10 (syndicate) S 1 10 10 0 -1 4194560 12",
		"11": "11 (syndicate) D 1 10 10 0 -1 4194560 12",
		"12": "12 (a) D (b) S 1 10 10 0 -1 4194560 12",
		"13": "13 (a) S) D 1 10 10 0 -1 4194560 12",
		"14": "",
	} {
		if err := os.Mkdir(filepath.Join(dir, thread), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, thread, "stat"), []byte(stat), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found := slices.Sorted(maps.Keys(inDisk(dir))); !slices.Equal(found, []string{"11", "13"}) {
		t.Errorf("found %v", found)
	}
	if found := inDisk(filepath.Join(dir, "none")); len(found) != 0 {
		t.Errorf("found %v where there is nothing", found)
	}
}
