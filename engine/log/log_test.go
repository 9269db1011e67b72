package log_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/log"
	"pgregory.net/rapid"
)

const unit = "service.api"

// newLog opens a log in its own directory and closes it with the test.
func newLog(t testing.TB, change func(*log.Config)) (*log.Log, log.Config) {
	t.Helper()
	c := log.Config{Dir: filepath.Join(t.TempDir(), "logs"), Unit: unit, Keep: 5}
	if change != nil {
		change(&c)
	}
	l, err := log.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, c
}

func attach(t testing.TB, l *log.Log) *log.Capture {
	t.Helper()
	c, err := l.Attach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// run writes to both streams of a new run, ends it and waits for that.
func run(t testing.TB, l *log.Log, stdout, stderr string) {
	t.Helper()
	c := attach(t, l)
	put(t, c.Stdout, stdout)
	put(t, c.Stderr, stderr)
	end(t, c)
}

func put(t testing.TB, w *os.File, text string) {
	t.Helper()
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func end(t testing.TB, c *log.Capture) {
	t.Helper()
	_ = c.Stdout.Close()
	_ = c.Stderr.Close()
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, q log.Query) []log.Line {
	t.Helper()
	var lines []log.Line
	err := log.Read(context.Background(), q, func(l log.Line) error {
		l.Text = bytes.Clone(l.Text)
		lines = append(lines, l)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func texts(lines []log.Line) []string {
	var out []string
	for _, l := range lines {
		out = append(out, string(l.Text))
	}
	return out
}

// files returns the unit's log from the oldest rotation to the current one.
func files(t testing.TB, dir string, suffix string) [][]byte {
	t.Helper()
	base := filepath.Join(dir, log.FileName(unit)+suffix)
	var out [][]byte
	for n := 0; ; n++ {
		name := base
		if n > 0 {
			name = fmt.Sprintf("%s.%d", base, n)
		}
		b, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	slices.Reverse(out)
	return out
}

func TestLinesOfBothStreamsStandInTheFileUnchanged(t *testing.T) {
	l, c := newLog(t, nil)
	run(t, l, "one\ntwo\r\n\n", "err \x00 \xff\n")
	got := string(bytes.Join(files(t, c.Dir, ".log"), nil))
	if got != "one\ntwo\r\n\nerr \x00 \xff\n" && got != "err \x00 \xff\none\ntwo\r\n\n" {
		t.Fatalf("the file holds %q", got)
	}
	info, err := os.Stat(l.Path())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v; want 0600", info.Mode(), err)
	}
	dir, err := os.Stat(c.Dir)
	if err != nil || dir.Mode().Perm() != 0o700 {
		t.Fatalf("mode %v, %v; want 0700", dir.Mode(), err)
	}
	for _, line := range read(t, log.Query{Dir: c.Dir}) {
		want := log.Stdout
		if strings.HasPrefix(string(line.Text), "err") {
			want = log.Stderr
		}
		if line.Stream != want || line.Unit != unit || line.Continued || time.Since(line.Time) > time.Hour {
			t.Fatalf("read %+v", line)
		}
	}
}

func TestAnUnfinishedLineIsWrittenWhenQuietAndJoinedLater(t *testing.T) {
	merger := &log.Merger{}
	shown := make(chan log.Line, 16)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = merger.Run(ctx, func(lines []log.Line) error {
			for _, l := range lines {
				l.Text = bytes.Clone(l.Text)
				shown <- l
			}
			return nil
		})
	})
	defer wg.Wait()
	defer cancel()
	l, c := newLog(t, func(c *log.Config) { c.Merger = merger })

	run := attach(t, l)
	put(t, run.Stdout, "password: ")
	if got := <-shown; string(got.Text) != "password: " || got.Continued {
		t.Fatalf("shown %q, continued %v", got.Text, got.Continued)
	}
	put(t, run.Stderr, "warning\n")
	if got := <-shown; string(got.Text) != "warning" || got.Stream != log.Stderr {
		t.Fatalf("shown %q", got.Text)
	}
	put(t, run.Stdout, "secret\nnext\n")
	if got := <-shown; string(got.Text) != "secret" || !got.Continued {
		t.Fatalf("shown %q, continued %v", got.Text, got.Continued)
	}
	if got := <-shown; string(got.Text) != "next" || got.Continued {
		t.Fatalf("shown %q, continued %v", got.Text, got.Continued)
	}
	end(t, run)
	got := string(files(t, c.Dir, ".log")[0])
	if want := "password: \nwarning\nsecret\nnext\n"; got != want {
		t.Fatalf("the file holds %q, want %q", got, want)
	}
	lines := texts(read(t, log.Query{Dir: c.Dir}))
	if want := []string{"warning", "password: secret", "next"}; !slices.Equal(lines, want) {
		t.Fatalf("read %q, want %q", lines, want)
	}
}

// chunk is one write of a process.
type chunk struct {
	stream log.Stream
	text   []byte
}

func drawChunks(rt *rapid.T) []chunk {
	piece := rapid.OneOf(
		rapid.Just([]byte("\n")),
		rapid.Just([]byte("a line\n")),
		rapid.Just([]byte("windows\r\n")),
		rapid.Just([]byte("no end")),
		rapid.Just([]byte{0, '\n', 0xff, 0xfe}),
		rapid.SliceOfN(rapid.Byte(), 0, 300),
		rapid.Map(rapid.IntRange(1, 1<<20), func(n int) []byte { return bytes.Repeat([]byte("long "), n/5+1) }),
		rapid.Map(rapid.IntRange(1, 3000), func(n int) []byte { return bytes.Repeat([]byte("short lines\n"), n) }),
	)
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) chunk {
		return chunk{rapid.SampledFrom([]log.Stream{log.Stdout, log.Stderr}).Draw(rt, "stream"), piece.Draw(rt, "text")}
	}), 1, 12).Draw(rt, "chunks")
}

// Whatever two streams write in whatever pieces: each stream's bytes stand
// in the files in order, the index covers every byte exactly, whole lines
// stay whole in one file, and Read returns them.
func TestNothingIsLostOrTorn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "logs")
		if err != nil {
			rt.Fatal(err)
		}
		chunks := drawChunks(rt)
		max := rapid.SampledFrom([]int64{0, 1000, 70_000, 1 << 20}).Draw(rt, "max size")
		l, err := log.Open(log.Config{Dir: dir, Unit: unit, MaxSize: max, Keep: 1 << 16})
		if err != nil {
			rt.Fatal(err)
		}
		defer l.Close()
		want := map[log.Stream][]byte{}
		for from := 0; from < len(chunks); {
			to := rapid.IntRange(from+1, len(chunks)).Draw(rt, "end of the run")
			c, err := l.Attach(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			for _, ch := range chunks[from:to] {
				w := c.Stdout
				if ch.stream == log.Stderr {
					w = c.Stderr
				}
				if _, err := w.Write(ch.text); err != nil {
					rt.Fatal(err)
				}
				want[ch.stream] = append(want[ch.stream], ch.text...)
			}
			_ = c.Stdout.Close()
			_ = c.Stderr.Close()
			if err := c.Wait(t.Context()); err != nil {
				rt.Fatal(err)
			}
			for s, b := range want { // at the end of a run a line ends, too
				if len(b) > 0 && b[len(b)-1] != '\n' {
					want[s] = append(b, endOfRun...)
				}
			}
			from = to
		}
		checkFiles(rt, t, dir, want)
		checkRead(rt, t, dir, want)
	})
}

// endOfRun stands in the expectation where a run ended within a line.
var endOfRun = []byte("\x01<end>\x01\n")

func checkFiles(rt *rapid.T, t *testing.T, dir string, want map[log.Stream][]byte) {
	logs, idxs := files(t, dir, ".log"), files(t, dir, ".idx")
	if len(logs) != len(idxs) {
		rt.Fatalf("%d logs and %d indexes", len(logs), len(idxs))
	}
	got := map[log.Stream][]byte{}
	for i := range logs {
		recs, err := log.DecodeIndex(idxs[i])
		if err != nil {
			rt.Fatal(err)
		}
		var at int64
		for _, r := range recs {
			if r.Offset != at {
				rt.Fatalf("file %d: a record at %d, want %d", i, r.Offset, at)
			}
			at += int64(r.Length)
			if r.Length > 0 && !r.Parting {
				got[r.Stream] = append(got[r.Stream], logs[i][r.Offset:at]...)
			}
		}
		if at != int64(len(logs[i])) {
			rt.Fatalf("file %d: the index covers %d of %d bytes", i, at, len(logs[i]))
		}
		if n := len(logs[i]); i < len(logs)-1 && logs[i][n-1] != '\n' && n-bytes.LastIndexByte(logs[i], '\n') <= log.MaxLine {
			rt.Fatalf("file %d ends within a short line", i)
		}
	}
	for s, w := range want {
		if plain := bytes.ReplaceAll(w, endOfRun, nil); !bytes.Equal(got[s], plain) {
			rt.Fatalf("%v: %d bytes in the files, %d written", s, len(got[s]), len(plain))
		}
	}
}

func checkRead(rt *rapid.T, t *testing.T, dir string, want map[log.Stream][]byte) {
	got := map[log.Stream][]byte{}
	for _, l := range read(t, log.Query{Dir: dir}) {
		b := got[l.Stream]
		if l.Continued && len(b) > 0 {
			b = b[:len(b)-1]
		}
		got[l.Stream] = append(append(b, l.Text...), '\n')
	}
	for s, w := range want {
		w = bytes.ReplaceAll(w, endOfRun, []byte("\n"))
		if !bytes.Equal(got[s], w) {
			rt.Fatalf("%v: read %d bytes, want %d", s, len(got[s]), len(w))
		}
	}
}
