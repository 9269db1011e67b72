package probe

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// waitFile begins to wait for a file and returns where the result comes.
func waitFile(t *testing.T, files *Files, path string) <-chan error {
	t.Helper()
	p, err := New(Config{Kind: "file", Target: path, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	if p.waiter == nil {
		t.Fatal("the probe polls")
	}
	done := make(chan error, 1)
	go func() {
		defer p.Close()
		done <- p.Ready(t.Context())
	}()
	return done
}

func TestFileEvents(t *testing.T) {
	write := func(t *testing.T, path string) {
		t.Helper()
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name   string
		path   string
		before func(t *testing.T, path string)
		then   func(t *testing.T, path string)
	}{
		{"created", "ready", nil, write},
		{"created below directories that are missing", "a/b/c/ready", nil, func(t *testing.T, path string) {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, path)
		}},
		{"touched", "ready", write, func(t *testing.T, path string) {
			now := time.Now()
			if err := os.Chtimes(path, now, now); err != nil {
				t.Fatal(err)
			}
		}},
		{"replaced", "ready", write, func(t *testing.T, path string) {
			write(t, path+".new")
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}},
		{"removed and made anew with its directory", "a/ready", func(t *testing.T, path string) {
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, path)
		}, func(t *testing.T, path string) {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, path)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files, err := NewFiles()
			if err != nil {
				t.Fatal(err)
			}
			defer files.Close()
			path := filepath.Join(t.TempDir(), test.path)
			if test.before != nil {
				test.before(t, path)
			}
			done := waitFile(t, files, path)
			test.then(t, path)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFileOfTheRunBeforeDoesNotCount(t *testing.T) {
	files, err := NewFiles()
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	path := filepath.Join(t.TempDir(), "ready")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, with := range []*Files{files, nil} {
		p, err := New(Config{Kind: "file", Target: path, Files: with, Deadline: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, p.Ready(t.Context()), "it was there before and has not been touched since")
		p.Close()
	}
}

// lines is a LineSource.
type lines []string

func (l lines) Watch(ctx context.Context, match func([]byte) bool) error {
	for _, line := range l {
		if match([]byte(line)) {
			return nil
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestLog(t *testing.T) {
	for _, test := range []struct {
		name, pattern, want string
		lines               lines
	}{
		{"found", "^listening on", "", lines{"starting", "listening on 80"}},
		{"nothing printed", "x", "no line printed", nil},
		{"no match", "x", "none of 2 lines printed matches", lines{"secret a", "secret b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := New(Config{Kind: "log", Target: test.pattern, Lines: test.lines, Deadline: 20 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, p.Ready(t.Context()), test.want)
		})
	}
}
