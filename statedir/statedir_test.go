package statedir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func info(config string) Info {
	return Info{Name: "demo", Config: config, PID: os.Getpid(), Life: "abc"}
}

func config(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOneHolder(t *testing.T) {
	dir, cfg := filepath.Join(t.TempDir(), "a", "b"), config(t, "a.hcl")
	if _, _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	l, err := Acquire(dir, info(cfg))
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st, err)
	}
	_, err = Acquire(dir, info(cfg))
	if held, ok := errors.AsType[*Held](err); !ok || held.Info.PID != os.Getpid() {
		t.Errorf("got %v", err)
	}
	if got, held, err := Read(dir); err != nil || !held || got.Life != "abc" {
		t.Errorf("got %+v %v %v", got, held, err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if got, held, err := Read(dir); err != nil || held || got.Life != "" || got.Config != cfg {
		t.Errorf("got %+v %v %v", got, held, err)
	}
}

func TestADeadHolderLeavesItsLife(t *testing.T) {
	dir, cfg := t.TempDir(), config(t, "a.hcl")
	l, err := Acquire(dir, info(cfg))
	if err != nil {
		t.Fatal(err)
	}
	_ = l.file.Close() // as when the process dies
	next, err := Acquire(dir, Info{Name: "demo", Config: cfg, PID: 1, Life: "d"})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Release()
	if prev, died := next.Previous(); !died || prev.Life != "abc" {
		t.Errorf("got %+v %v", prev, died)
	}
	// A second death, before what the first one left is ended, must not
	// forget it.
	if got, _, err := Read(dir); err != nil || got.Life != "abc" || got.PID != 1 {
		t.Errorf("got %+v %v", got, err)
	}
	if err := next.SetLife("d"); err != nil {
		t.Fatal(err)
	}
	if got, _, err := Read(dir); err != nil || got.Life != "d" {
		t.Errorf("got %+v %v", got, err)
	}
}

func TestOtherConfigurationsAreRefused(t *testing.T) {
	mine, other := config(t, "a.hcl"), config(t, "a.hcl")
	for _, test := range []struct {
		name, first, second string
		ok                  bool
	}{
		{"same", mine, mine, true},
		{"other", mine, other, false},
		{"the project has moved", "/nowhere/a.hcl", mine, true},
		{"file and its directory", mine, filepath.Dir(mine), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			l, err := Acquire(dir, info(test.first))
			if err != nil {
				t.Fatal(err)
			}
			if !test.ok {
				_, err := Acquire(dir, info(test.second))
				foreign, ok := errors.AsType[*Foreign](err)
				if !ok || foreign.Owner != test.first || foreign.PID != os.Getpid() {
					t.Errorf("while it runs: %v", err)
				}
			}
			if err := l.Release(); err != nil {
				t.Fatal(err)
			}
			l, err = Acquire(dir, info(test.second))
			if err == nil {
				_ = l.Release()
			}
			if foreign, ok := errors.AsType[*Foreign](err); ok == test.ok || ok && (foreign.Owner != test.first || foreign.PID != 0) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestUnsafeDirectories(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(dir, info("/a")); err == nil || !strings.Contains(err.Error(), "everybody can write") {
		t.Errorf("got %v", err)
	}
	if _, err := Acquire("relative", info("/a")); err == nil || !strings.Contains(err.Error(), "absolute") {
		t.Errorf("got %v", err)
	}
}

// Nobody, not even root, makes a directory there.
func TestAForbiddenDirectorySaysWhatToDo(t *testing.T) {
	dir := "/sys/syndicate"
	if runtime.GOOS == "darwin" {
		dir = "/System/syndicate"
	}
	_, err := Acquire(dir, info("/a"))
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.HasSuffix(err.Error(), ": choose another state_dir") {
		t.Errorf("got %v", err)
	}
}

func TestJSONFiles(t *testing.T) {
	dir := t.TempDir()
	l, err := Acquire(dir, info("/a"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	var got map[string]int
	if ok, err := ReadJSON(dir, "ports.json", &got); ok || err != nil {
		t.Errorf("got %v %v", ok, err)
	}
	if err := l.WriteJSON("ports.json", map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	if ok, err := ReadJSON(dir, "ports.json", &got); !ok || err != nil || got["a"] != 1 {
		t.Errorf("got %v %v %v", got, ok, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ports.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadJSON(dir, "ports.json", &got); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
}

func TestCreateJSONMakesAFileOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for i, want := range []bool{true, false, false} {
		if created, err := CreateJSON(dir, "key.json", i); err != nil || created != want {
			t.Errorf("attempt %d: created %v, %v", i, created, err)
		}
	}
	var got int
	if found, err := ReadJSON(dir, "key.json", &got); err != nil || !found || got != 0 {
		t.Errorf("%v, %v: the file holds %d", found, err, got)
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, "key.json"): 0o600} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, st.Mode(), err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 { // and .gitignore
		t.Errorf("%v, %v", left, err)
	}
	if _, err := CreateJSON(filepath.Join(dir, "key.json"), "key.json", 1); err == nil {
		t.Error("a directory below a file is no error")
	}
}
