//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// row is one kind of work.
type row struct {
	name    string
	title   string
	goal    string
	columns []string // the first is what is judged
	most    int      // runs at most, 0 as many as asked
	// reference is the entrant whose first column the ratios refer to.
	reference string
	bound     time.Duration // of one run
	entrants  func(b *bench) []entrant
	quoted    []quote
}

// entrant is one tool at one kind of work.
type entrant struct {
	name    string
	missing error // why it cannot take part
	measure func(ctx context.Context, t *trial) (sample, error)
}

// sample is what one run gave, one value for each column.
type sample struct {
	values []float64
	note   string
}

// quote is a figure of a tool that is not run here, with what the reference
// measured on the same day. Its ratio is what can be compared.
type quote struct {
	name      string
	value     float64
	reference float64
	note      string
}

// row measures all entrants in turn, as often as asked, and prints a table.
func (b *bench) row(ctx context.Context, r row) error {
	entrants := r.entrants(b)
	runs := b.runs
	if r.most > 0 {
		runs = min(runs, r.most)
	}
	samples := make([][]sample, len(entrants))
	failures := make([]error, len(entrants))
	for i, e := range entrants {
		failures[i] = e.missing
	}
	for range runs {
		for i, e := range entrants {
			if failures[i] != nil {
				continue
			}
			s, err := b.once(ctx, r, e)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				failures[i] = err
				continue
			}
			samples[i] = append(samples[i], s)
		}
	}
	printRow(r, entrants, samples, failures)
	return nil
}

// once makes one run, and leaves nothing of it behind.
func (b *bench) once(ctx context.Context, r row, e entrant) (sample, error) {
	t, err := b.newTrial()
	if err != nil {
		return sample{}, err
	}
	defer t.finish()
	bound := r.bound
	if bound == 0 {
		bound = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	s, err := e.measure(ctx, t)
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, t.output())
	}
	return s, err
}

// printRow prints a table that is also Markdown.
func printRow(r row, entrants []entrant, samples [][]sample, failures []error) {
	fmt.Printf("\n%s (%s)\ngoal: %s\n\n", r.title, r.name, r.goal)
	head := append([]string{""}, r.columns...)
	if r.reference != "" {
		head = append(head, "ratio to "+r.reference)
	}
	lines := [][]string{append(head, "runs: "+r.columns[0])}
	var floor float64
	for i, e := range entrants {
		if e.name == r.reference && len(samples[i]) > 0 {
			floor = median(column(samples[i], 0))
		}
	}
	var troubles []string
	for i, e := range entrants {
		if failures[i] == nil {
			lines = append(lines, measured(r, e.name, samples[i], floor))
			continue
		}
		first, rest, _ := strings.Cut(failures[i].Error(), "\n")
		line := make([]string, len(head)+1)
		line[0], line[len(head)] = e.name, first
		lines = append(lines, line)
		if rest != "" {
			troubles = append(troubles, e.name+": "+rest)
		}
	}
	for _, q := range r.quoted {
		line := make([]string, len(head)+1)
		line[0], line[1], line[len(head)] = q.name+", quoted", number(q.value), q.note
		if r.reference != "" && q.reference > 0 {
			line[len(head)-1] = ratio(q.value, q.reference)
		}
		lines = append(lines, line)
	}
	printTable(lines)
	for _, trouble := range troubles {
		fmt.Printf("  %s\n", strings.ReplaceAll(trouble, "\n", "\n  "))
	}
}

// measured is the line of an entrant that took part.
func measured(r row, name string, samples []sample, floor float64) []string {
	line := []string{name}
	for c := range r.columns {
		line = append(line, number(median(column(samples, c))))
	}
	first := column(samples, 0)
	if r.reference != "" {
		line = append(line, ratio(median(first), floor))
	}
	var each []string
	for _, v := range first {
		each = append(each, number(v))
	}
	runs := strings.Join(each, " ")
	if note := samples[len(samples)-1].note; note != "" {
		runs += "; " + note
	}
	return append(line, runs)
}

// printTable prints the first line as the head, the first and last column to
// the left and the figures to the right.
func printTable(lines [][]string) {
	width := make([]int, len(lines[0]))
	for _, line := range lines {
		for c, cell := range line {
			width[c] = max(width[c], utf8.RuneCountInString(cell), 3)
		}
	}
	left := func(c int) bool { return c == 0 || c == len(width)-1 }
	for i, line := range lines {
		for c, cell := range line {
			space := strings.Repeat(" ", width[c]-utf8.RuneCountInString(cell))
			if left(c) {
				cell += space
			} else {
				cell = space + cell
			}
			fmt.Print("| ", cell, " ")
		}
		fmt.Println("|")
		if i > 0 {
			continue
		}
		for c := range width {
			rule := strings.Repeat("-", width[c])
			if !left(c) {
				rule = rule[1:] + ":"
			}
			fmt.Print("| ", rule, " ")
		}
		fmt.Println("|")
	}
}

func ratio(value, floor float64) string {
	if floor == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", value/floor)
}

// number prints three figures, and whole numbers from a hundred on.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func column(samples []sample, c int) []float64 {
	var all []float64
	for _, s := range samples {
		if c < len(s.values) {
			all = append(all, s.values[c])
		}
	}
	return all
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
