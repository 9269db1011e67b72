package log_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/log"
)

func TestNamesAreSafeAndReversible(t *testing.T) {
	for _, c := range []struct{ unit, file string }{
		{"service.api", "service.api"},
		{`service.worker["a"]`, "service.worker@a"},
		{`service.worker["a.log.1"]`, "service.worker@a.log.1"},
		{"database.main.migrations", "database.main.migrations"},
		{`database.main["a"].migrations`, "database.main@a@.migrations"},
		{"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"},
		{`service.worker["a"`, "service.worker%5B%22a%22"},
		{"service.a@b", "service.a%40b"},
		{"ü\x00", "%C3%BC%00"},
	} {
		if got := log.FileName(c.unit); got != c.file {
			t.Errorf("%q: file %q, want %q", c.unit, got, c.file)
		}
		if got, ok := log.UnitName(c.file); !ok || got != c.unit {
			t.Errorf("%q: unit %q, %v, want %q", c.file, got, ok, c.unit)
		}
	}
	for _, name := range []string{"", "a b", "%zz", "%4", "%41", "a@b@c@d", "a@b@", ".a"} {
		if got, ok := log.UnitName(name); ok {
			t.Errorf("%q names %q", name, got)
		}
	}
}

// three writes lines of three units in a known order.
func three(t *testing.T) (dir string, want []string) {
	dir = t.TempDir()
	logs := map[string]*log.Log{}
	for i := range 30 {
		unit := fmt.Sprintf("service.s%d", i%3)
		if logs[unit] == nil {
			l, err := log.Open(log.Config{Dir: dir, Unit: unit, MaxSize: 40, Keep: 100})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			logs[unit] = l
		}
		text := fmt.Sprintf("line %02d", i)
		run(t, logs[unit], text+"\n", "")
		want = append(want, text)
	}
	return dir, want
}

func TestReadMergesByTimeAcrossUnitsAndRotations(t *testing.T) {
	dir, want := three(t)
	all := read(t, log.Query{Dir: dir})
	for _, c := range []struct {
		name  string
		query log.Query
		want  []string
	}{
		{"everything", log.Query{}, want},
		{"one unit", log.Query{Units: []string{"service.s1"}}, every(want, 1, 3)},
		{"an unknown unit", log.Query{Units: []string{"service.none"}}, nil},
		{"the last lines", log.Query{Tail: 7}, want[23:]},
		{"more than there are", log.Query{Tail: 100}, want},
		{"since", log.Query{Since: all[12].Time}, want[12:]},
		{"the last lines since", log.Query{Since: all[20].Time, Tail: 5}, want[25:]},
		{"fewer since than asked", log.Query{Since: all[28].Time, Tail: 5}, want[28:]},
		{"grep", log.Query{Grep: regexp.MustCompile(`5$`)}, []string{"line 05", "line 15", "line 25"}},
		{"the last that match", log.Query{Grep: regexp.MustCompile(`5$`), Tail: 2}, []string{"line 15", "line 25"}},
		{"in the future", log.Query{Since: time.Now().Add(time.Hour)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.query.Dir = dir
			if got := texts(read(t, c.query)); !slices.Equal(got, c.want) {
				t.Fatalf("read %q, want %q", got, c.want)
			}
		})
	}
}

func every(list []string, first, step int) (out []string) {
	for i := first; i < len(list); i += step {
		out = append(out, list[i])
	}
	return out
}

func TestTheEndOfALongLogIsFoundFromItsEnd(t *testing.T) {
	l, c := newLog(t, nil)
	var b strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	run(t, l, b.String(), "")
	for _, n := range []int{1, 10, 5_000, 150_000} {
		got := read(t, log.Query{Dir: c.Dir, Tail: n})
		if len(got) != n || string(got[0].Text) != fmt.Sprintf("line %d", 200_000-n) || string(got[n-1].Text) != "line 199999" {
			t.Fatalf("the last %d lines: %d, from %q", n, len(got), got[0].Text)
		}
		if got[0].Stream != log.Stdout || got[0].Continued {
			t.Fatalf("the first is %+v", got[0])
		}
	}
}

// Whatever is wrong with the index, every line of the log is read, whole.
func TestALogIsReadWithoutAGoodIndex(t *testing.T) {
	l, c := newLog(t, nil)
	var want []string
	cap := attach(t, l)
	for i := range 100 {
		text := fmt.Sprintf("line %d", i)
		put(t, cap.Stdout, text+"\n")
		want = append(want, text)
	}
	put(t, cap.Stdout, "no end")
	want = append(want, "no end")
	end(t, cap)
	_ = l.Close()
	path := filepath.Join(c.Dir, log.FileName(unit)+".idx")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	garbled := slices.Clone(good)
	for i := range garbled {
		if i%100 < 3 {
			garbled[i] ^= 0x55
		}
	}
	for _, tc := range []struct {
		name  string
		index []byte
	}{
		{"missing", nil},
		{"empty", []byte{}},
		{"torn", good[:len(good)/2+5]},
		{"garbled", garbled},
		{"too long", append(slices.Clone(good), good...)},
		{"zeros", make([]byte, len(good))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if tc.index != nil {
				if err := os.WriteFile(path, tc.index, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := texts(read(t, log.Query{Dir: c.Dir})); !slices.Equal(got, want) {
				t.Fatalf("read %q", got)
			}
			if got := texts(read(t, log.Query{Dir: c.Dir, Tail: 3})); !slices.Equal(got, want[98:]) {
				t.Fatalf("the last are %q", got)
			}
		})
	}
}

func TestRotationKeepsAsManyAsAsked(t *testing.T) {
	l, c := newLog(t, func(c *log.Config) { c.MaxSize = 10; c.Keep = 3 })
	for i := range 9 {
		run(t, l, fmt.Sprintf("line %d\n", i), "")
	}
	if got, want := texts(read(t, log.Query{Dir: c.Dir})), []string{"line 5", "line 6", "line 7", "line 8"}; !slices.Equal(got, want) {
		t.Fatalf("kept %q, want %q", got, want)
	}
	_ = l.Close()
	for _, keep := range []int{1, 0} {
		c.Keep = keep
		l, err := log.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		run(t, l, "another\n", "")
		if got := len(files(t, c.Dir, ".log")); got != keep+1 {
			t.Fatalf("%d files, want %d", got, keep+1)
		}
		if got := len(files(t, c.Dir, ".idx")); got != keep+1 {
			t.Fatalf("%d indexes, want %d", got, keep+1)
		}
		_ = l.Close()
	}
}

// After a crash between log and index, a new life goes on in the same files.
func TestANewLifeGoesOnWithATornIndex(t *testing.T) {
	l, c := newLog(t, nil)
	run(t, l, "one\ntwo\nhalf a l", "")
	_ = l.Close()
	path := filepath.Join(c.Dir, log.FileName(unit)+".idx")
	if err := os.Truncate(path, 30); err != nil {
		t.Fatal(err)
	}
	again, err := log.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	run(t, again, "three\n", "")
	if got, want := texts(read(t, log.Query{Dir: c.Dir})), []string{"one", "two", "half a l", "three"}; !slices.Equal(got, want) {
		t.Fatalf("read %q, want %q", got, want)
	}
}

// A log that somebody emptied while nothing ran does not take over the
// records of what it held.
func TestAnEmptiedLogBeginsANewIndex(t *testing.T) {
	l, c := newLog(t, nil)
	run(t, l, "", "a long line of the standard error\n")
	_ = l.Close()
	if err := os.Truncate(l.Path(), 0); err != nil {
		t.Fatal(err)
	}
	again, err := log.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	run(t, again, "one\ntwo\n", "")
	lines := read(t, log.Query{Dir: c.Dir})
	if got := texts(lines); !slices.Equal(got, []string{"one", "two"}) || lines[0].Stream != log.Stdout {
		t.Fatalf("read %q of %v", got, lines[0].Stream)
	}
}

// Where no index can be written, lines are written, watched, followed and
// read all the same.
func TestALogWithoutAnIndexWorks(t *testing.T) {
	l, c := newLog(t, nil)
	if err := os.MkdirAll(filepath.Join(c.Dir, log.FileName(unit)+".idx"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got, done := make(chan string, 16), make(chan error, 1)
	go func() {
		done <- log.Read(ctx, log.Query{Dir: c.Dir, Follow: true}, func(l log.Line) error {
			got <- string(l.Text)
			return nil
		})
	}()
	cap := attach(t, l)
	put(t, cap.Stdout, "one\n")
	if err := cap.Watch(ctx, func(line []byte) bool { return string(line) == "one" }); err != nil {
		t.Fatal(err)
	}
	if line := <-got; line != "one" {
		t.Fatalf("followed %q", line)
	}
	put(t, cap.Stderr, "two\n")
	if line := <-got; line != "two" {
		t.Fatalf("followed %q", line)
	}
	end(t, cap)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if all := texts(read(t, log.Query{Dir: c.Dir})); !slices.Equal(all, []string{"one", "two"}) {
		t.Fatalf("read %q", all)
	}
}

// Follow sees every line once and in order while the file is rotated under
// it, and units that appear later.
func TestFollowAcrossRotationsAndNewUnits(t *testing.T) {
	l, c := newLog(t, func(c *log.Config) { c.MaxSize = 100; c.Keep = 1000 })
	run(t, l, "line 0\n", "")
	ctx, cancel := context.WithCancel(t.Context())
	got, done := make(chan string, 10_000), make(chan error, 1)
	go func() {
		done <- log.Read(ctx, log.Query{Dir: c.Dir, Follow: true, Tail: 1}, func(l log.Line) error {
			got <- l.Unit + " " + string(l.Text)
			return nil
		})
	}()
	next := func(want string) {
		t.Helper()
		if g := <-got; g != want {
			t.Fatalf("followed %q, want %q", g, want)
		}
	}
	next(unit + " line 0")
	cap := attach(t, l)
	for i := 1; i < 1000; i++ {
		put(t, cap.Stdout, fmt.Sprintf("line %d\n", i))
		if i%100 == 0 { // let the follower catch up now and then
			for j := i - 99; j <= i; j++ {
				next(fmt.Sprintf("%s line %d", unit, j))
			}
		}
	}
	for j := 901; j < 1000; j++ {
		next(fmt.Sprintf("%s line %d", unit, j))
	}
	put(t, cap.Stdout, "a prompt: ")
	next(unit + " a prompt: ")
	end(t, cap)
	other, err := log.Open(log.Config{Dir: c.Dir, Unit: "task.seed"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	run(t, other, "seeded\n", "")
	next("task.seed seeded")
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte("a log\nof lines\n"), []byte{}, 1, int64(0))
	f.Add([]byte("a log\nof lines\n"), log.EncodeIndex(6, 9), 2, int64(5))
	f.Add([]byte("no end"), log.EncodeIndex(3, 30), 0, int64(1))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text, index []byte, tail int, since int64) {
		base := filepath.Join(dir, log.FileName(unit))
		if err := os.WriteFile(base+".log", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(base+".idx", index, 0o600); err != nil {
			t.Fatal(err)
		}
		// A damaged index may cut lines in other places, but no byte is lost.
		want := len(strings.ReplaceAll(string(text), "\n", ""))
		got := 0
		for _, l := range read(t, log.Query{Dir: dir}) {
			got += len(l.Text)
		}
		if got != want {
			t.Fatalf("read %d bytes of %d", got, want)
		}
		read(t, log.Query{Dir: dir, Tail: tail & 0xff, Since: time.Unix(0, since)})
	})
}
