package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A full disk: the engine runs on, the newest events are kept and written
// once there is room, and the journal says how many are missing.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatalf("mount a small file system (the tests run as root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s, log := open(t, dir)
	s.Append(transition(0))
	flush(t, s)
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	if err := s.Put("fact", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; n < 20_000; n++ {
		ev := transition(n)
		ev.Cause = strings.Repeat("x", 100)
		s.Append(ev)
	}
	if err := s.Flush(t.Context()); err == nil {
		t.Fatal("it wrote to a full disk")
	}
	if !strings.Contains(log.String(), "events wait in memory") {
		t.Errorf("it did not warn: %s", log)
	}
	if v, _ := s.Get("fact"); string(v) != "kept" {
		t.Errorf("the fact is %q", v)
	}
	check := func() {
		t.Helper()
		found := all(t, s)
		if len(found) < 2000 || found[len(found)-1].Seq != 20_001 {
			t.Fatalf("%d events are left", len(found))
		}
		told := 0
		missing := 0
		for i := 1; i < len(found); i++ {
			if gap := int(found[i].Seq - found[i-1].Seq - 1); gap > 0 {
				missing += gap + 1 // the place of the last one is taken by what tells of it
			}
			var k int
			if _, err := fmt.Sscanf(found[i].Cause, "%d events between", &k); err == nil {
				told += k
			}
		}
		if missing == 0 || told != missing {
			t.Errorf("%d events are missing and it tells of %d", missing, told)
		}
	}
	check()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=32m"); err != nil {
		t.Fatal(err)
	}
	flush(t, s)
	check()
	closeStore(t, s)
	if !strings.Contains(log.String(), "written again") || !strings.Contains(log.String(), "missing in the journal") {
		t.Errorf("it did not tell: %s", log)
	}
	s, _ = open(t, dir)
	if v, _ := s.Get("fact"); string(v) != "kept" {
		t.Errorf("the fact is %q", v)
	}
	check()
	closeStore(t, s)
}

// fill writes a file until nothing more fits.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 16; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

// A file system that is read-only keeps nobody from running, and what
// happened is written once it no longer is.
func TestReadOnlyFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_RDONLY, "size=1m"); err != nil {
		t.Fatalf("mount a small file system (the tests run as root): %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
	s, log := open(t, dir)
	s.Append(transition(1))
	must(t, s.Put("fact", []byte("mine")))
	if err := s.Flush(t.Context()); err == nil {
		t.Error("it wrote")
	}
	if !strings.Contains(log.String(), "read-only file system") {
		t.Errorf("it said %q", log)
	}
	must(t, unix.Mount("", dir, "", unix.MS_REMOUNT, ""))
	flush(t, s)
	closeStore(t, s)
	s, _ = open(t, dir)
	if v, _ := s.Get("fact"); len(all(t, s)) != 1 || string(v) != "mine" {
		t.Errorf("%d events, and %q", len(all(t, s)), v)
	}
	closeStore(t, s)
}
