package textfile

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("empty", "")
	write("short", "text\n")
	write("most", strings.Repeat("x", 1<<10))
	for link, to := range map[string]string{"link": "short", "to pipe": "pipe", "nowhere": "none"} {
		if err := os.Symlink(to, path(link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"empty": "", "short": "text\n", "link": "text\n", "most": strings.Repeat("x", 1<<10)} {
		if got, err := Read(path(name), 1<<10); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestReadRefuses names what is no file to read, at once: a pipe without a
// writer would be waited for, and a device never ends.
func TestReadRefuses(t *testing.T) {
	dir, err := os.MkdirTemp("", "textfile") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.WriteFile(path("large"), make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		path("pipe"): "a pipe", path("socket"): "a socket", dir: "a directory", "/dev/zero": "a device",
		path("large"): "1048577 bytes, and at most 1 MiB", path("none"): "no such file",
	} {
		_, err := Read(name, 1<<20)
		_, isPath := errors.AsType[*fs.PathError](err)
		if !isPath || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// TestReadWithoutSize bounds a file that does not know its size, too.
func TestReadWithoutSize(t *testing.T) {
	const name = "/proc/self/maps"
	if _, err := os.Stat(name); err != nil {
		return // only Linux has such files
	}
	whole, err := Read(name, 16<<20)
	if err != nil || len(whole) == 0 {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	_, err = Read(name, 100)
	if _, large := errors.AsType[*TooLargeError](err); !large {
		t.Errorf("%v", err)
	}
}
