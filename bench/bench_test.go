//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseEvent(t *testing.T) {
	got, err := parseEvent("S api 42 1234567890")
	if want := (event{'S', "api", 42, 1234567890}); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "S api", "S api x 1", "S api 1"} {
		if e, err := parseEvent(bad); err == nil {
			t.Errorf("%q parsed as %v", bad, e)
		}
	}
}

func TestGapsRunFromAnEndToTheNextStart(t *testing.T) {
	got := gaps([]event{
		{kind: 'S', at: 0}, {kind: 'E', at: 5e6}, {kind: 'S', at: 8e6},
		{kind: 'E', at: 20e6}, {kind: 'S', at: 21e6}, {kind: 'E', at: 30e6},
	})
	if len(got) != 2 || got[0] != 3 || got[1] != 1 {
		t.Errorf("got %v, want [3 1]", got)
	}
}

func TestLastIsTheLatestOfTheFirstStarts(t *testing.T) {
	got := last([]event{
		{'S', "a", 1, 10}, {'S', "b", 2, 30}, {'S', "a", 3, 99}, {'R', "b", 2, 100},
	}, 'S')
	if got.name != "b" || got.at != 30 {
		t.Errorf("got %v, want b at 30: a restart of a is no first start", got)
	}
}

func TestLatestIsTheLastStartOfOneName(t *testing.T) {
	got := latest([]event{
		{'S', "a", 1, 10}, {'S', "a", 3, 99}, {'R', "a", 3, 100}, {'S', "b", 2, 300},
	}, "a")
	if got.pid != 3 || got.at != 99 {
		t.Errorf("got %v, want the start of process 3", got)
	}
}

func TestMediansAreThoseOfTheColumns(t *testing.T) {
	got := medians([]sample{{values: []float64{1, 9}}, {values: []float64{5, 7}}, {values: []float64{3, 8}}})
	if !slices.Equal(got.values, []float64{3, 8}) {
		t.Errorf("got %v, want [3 8]", got.values)
	}
}

func TestCPUTimeIsThatOfProcesses(t *testing.T) {
	first := cpuTime([]int{os.Getpid()})
	for deadline := time.Now().Add(10 * time.Second); cpuTime([]int{os.Getpid()}) <= first; {
		if time.Now().After(deadline) {
			t.Fatalf("stays at %v, however long this process computes", first)
		}
	}
}

func TestALockedJournalCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	release, err := lockJournal(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := lockJournal(t.Context(), path); err == nil {
		again()
		t.Error("two have the lock")
	}
	release()
	again, err := lockJournal(t.Context(), path)
	if err != nil {
		t.Fatalf("the lock is still held: %v", err)
	}
	again()
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 2}, 3},
	} {
		if got := median(c.in); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}

func TestParseStatSurvivesAnyProcessName(t *testing.T) {
	got, err := parseStat("7 (a) b (c)) S 1 7 7 0 -1 4194304 1 0 0 0 12 30 0 0 20 0 1 0 5 6 7")
	if want := (stat{'S', 420 * time.Millisecond}); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := parseStat("7 (x) S 1"); err == nil {
		t.Error("a short line parsed")
	}
}

func TestVerifyFindsWhatIsWrongWithLines(t *testing.T) {
	line := func(number string) string { return number + " " + strings.Repeat("x", 89) + "\n" }
	for _, c := range []struct{ name, text, want string }{
		{"whole", line("000000000") + line("000000001") + line("000000002"), "all lines whole and in order"},
		{"with a prefix", line("000000000") + "api | " + line("000000001") + line("000000002"), "all lines whole and in order"},
		{"one lost", line("000000000") + line("000000002"), "2 of 3 lines, 1 out of order, 0 broken"},
		{"one torn", line("000000000") + line("000000001")[:50] + "\n" + line("000000002"), "2 of 3 lines, 1 out of order, 1 broken"},
		{"no end", line("000000000") + line("000000001") + line("000000002")[:99], "2 of 3 lines, 0 out of order, 1 broken"},
		{"twice", line("000000000") + line("000000000") + line("000000001"), "3 of 3 lines, 1 out of order, 0 broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := verify(path, 3); err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestLinkedServicesHaveTwoEarlierNeeds(t *testing.T) {
	for i, s := range linked(100) {
		want := min(i, 2)
		if len(s.needs) != want || len(s.needs) == 2 && s.needs[0] == s.needs[1] {
			t.Errorf("%s needs %v", s.name, s.needs)
		}
	}
}

func TestRowsHaveNamesOfTheirOwn(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range rows() {
		if seen[r.name] || r.name == "" || r.goal == "" {
			t.Errorf("row %q is there twice, or says nothing", r.name)
		}
		seen[r.name] = true
	}
	if _, err := choose("start, diamond-exec"); err != nil {
		t.Error(err)
	}
	if _, err := choose("nonsense"); err == nil || !strings.Contains(err.Error(), "diamond-exec") {
		t.Errorf("an unknown row gave %v, which does not name the known ones", err)
	}
}
