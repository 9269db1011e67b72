package listener

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestAll(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	all, ok := All("/proc")
	got := all[l.Addr().(*net.TCPAddr).Port]
	if !ok || len(got) != 1 || got[0].PID != os.Getpid() || got[0].String() != fmt.Sprintf("process %d (listener.test)", os.Getpid()) {
		t.Errorf("found %v", got)
	}
}

func TestAllOfATable(t *testing.T) {
	proc := t.TempDir()
	if _, ok := All(proc); ok {
		t.Error("there is a table where there is none")
	}
	for name, text := range map[string]string{
		"net/tcp": "heading\n" +
			" 0: 0100007F:0050 00000000:0000 0A 0:0 00:0 0 0 0 11 1\n" + // hidden
			" 1: 0100007F:0051 00000000:0000 0A 0:0 00:0 0 0 0 12 1\n" +
			" 2: 0100007F:0052 00000000:0000 01 0:0 00:0 0 0 0 13 1\n", // connected
		"net/tcp6":  " 0: 00000000000000000000000000000000:0051 0:0 0A 0:0 00:0 0 0 0 14 1\n broken\n",
		"7/comm":    "nginx\n",
		"7/environ": "A=1\x00SYNDICATE_UNIT=service.web\x00",
	} {
		path := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(proc, "7/fd"), 0o755); err != nil {
		t.Fatal(err)
	}
	for fd, to := range map[string]string{"3": "socket:[12]", "4": "socket:[14]", "5": "socket:[13]", "6": "/dev/null"} {
		if err := os.Symlink(to, filepath.Join(proc, "7/fd", fd)); err != nil {
			t.Fatal(err)
		}
	}
	all, ok := All(proc)
	want := "map[80:[another process, which only root can see] 81:[process 7 (nginx, which runs service.web of a system)]]"
	if got := fmt.Sprint(all); !ok || got != want {
		t.Errorf("found %s", got)
	}
}
