package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/store"
)

// BenchmarkAppend is what one event costs its caller.
func BenchmarkAppend(b *testing.B) {
	s, _ := open(b, b.TempDir())
	ev := transition(1)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		s.Append(ev)
		if n++; n%4000 == 0 {
			b.StopTimer()
			flush(b, s)
			b.StartTimer()
		}
	}
}

// BenchmarkJournal is what 4,000 events, those of a start of a thousand
// services, cost in all until they are in the file.
func BenchmarkJournal(b *testing.B) {
	s, _ := open(b, b.TempDir())
	for b.Loop() {
		for i := range 4000 {
			s.Append(transition(i))
			if i%200 == 199 {
				flush(b, s)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/4000/float64(b.N), "ns/event")
}

// BenchmarkOpen is what the store costs a start.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s, _ := open(b, dir)
	for i := range 50_000 {
		s.Append(transition(i))
	}
	closeStore(b, s)
	for b.Loop() {
		s, _ := open(b, dir)
		closeStore(b, s)
	}
}

// BenchmarkTail reads the newest of a long journal.
func BenchmarkTail(b *testing.B) {
	s, _ := open(b, b.TempDir())
	for i := range 50_000 {
		s.Append(transition(i))
		if i%1000 == 0 {
			flush(b, s)
		}
	}
	for b.Loop() {
		if got := query(b, s, store.Query{Tail: 20}); len(got) != 20 {
			b.Fatal(len(got))
		}
	}
}

// reportMemory writes 5,000 events and says what the store costs in memory
// while its file is open, and once it is idle.
func reportMemory(dir string) {
	before := pss()
	s := openChild(dir)
	for i := range 5000 {
		s.Append(transition(i))
		if i%100 == 0 {
			if err := s.Flush(context.Background()); err != nil {
				fatal(err)
			}
		}
	}
	if err := s.Flush(context.Background()); err != nil {
		fatal(err)
	}
	debug.FreeOSMemory()
	open := pss()
	for range time.Tick(50 * time.Millisecond) { // until the file is closed
		if _, err := os.Stat(dir + "/state.db-wal"); err != nil {
			break
		}
	}
	debug.FreeOSMemory()
	fmt.Println(open-before, pss()-before)
	os.Exit(0)
}

// pss returns the proportional set size of this process, in KiB.
func pss() int {
	data, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		fatal(err)
	}
	_, rest, _ := bytes.Cut(data, []byte("\nPss:"))
	var n int
	if _, err := fmt.Sscan(string(rest), &n); err != nil {
		fatal(err)
	}
	return n
}

// BenchmarkMemory is what the store costs a process that has written 5,000
// events: while its file is open, and once it is idle. Some 3 MiB of it are
// code and its tables, which have been used for the first time.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		cmd, _, lines := child(b, "memory", b.TempDir())
		var open, idle int
		if !lines.Scan() {
			b.Fatal("it said nothing")
		}
		if _, err := fmt.Sscan(lines.Text(), &open, &idle); err != nil {
			b.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(open), "KiB-open")
		b.ReportMetric(float64(idle), "KiB-idle")
	}
}
