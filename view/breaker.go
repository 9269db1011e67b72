package view

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/syndicate/syndicate/api"
)

// BreakersFormat is the version of the JSON form of a list of breakers.
const BreakersFormat = "1.0"

// Breaker is a circuit breaker with the address of its unit.
type Breaker struct {
	Address string `json:"address"`
	*api.Breaker
}

// Breakers finds the circuit breakers of a system, those of databases too, in
// the order of its units.
func Breakers(st api.Status) []Breaker {
	list := []Breaker{}
	for _, u := range st.Units {
		switch {
		case u.Breaker != nil:
			list = append(list, Breaker{u.ID, u.Breaker})
		case u.Database != nil && u.Database.Breaker != nil:
			list = append(list, Breaker{u.ID, u.Database.Breaker})
		}
	}
	return list
}

// BreakersJSON writes the versioned form.
func BreakersJSON(w io.Writer, list []Breaker) error {
	return writeJSON(w, struct {
		FormatVersion string    `json:"format_version"`
		Breakers      []Breaker `json:"breakers"`
	}{BreakersFormat, list})
}

// BreakersText writes a line for each.
func BreakersText(w io.Writer, list []Breaker, now time.Time) error {
	if len(list) == 0 {
		_, err := io.WriteString(w, "No circuit breaker is declared.\n")
		return err
	}
	rows := [][]string{{"BREAKER", "STATE", "FOR", "CALLS/MIN", "FAILED", "P95", "REJECTED", "OPENED", ""}}
	for _, b := range list {
		p95 := "-"
		if b.LatencyP95 > 0 {
			p95 = seconds(time.Duration(float64(b.LatencyP95) * float64(time.Second)))
		}
		rows = append(rows, []string{
			printable(b.Address), breakerState(b.Breaker), age(now.Sub(b.Since)), strconv.FormatUint(b.Calls, 10), share(b),
			p95, strconv.FormatUint(b.Rejected, 10), strconv.FormatUint(b.Opened, 10), printable(breakerNote(b.Breaker, now)),
		})
	}
	_, err := io.WriteString(w, columns(rows))
	return err
}

// columns lays rows out, each column as wide as its widest cell.
func columns(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for c, cell := range row {
			widths[c] = max(widths[c], ansi.StringWidth(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := ""
		for c, cell := range row {
			line += cell + strings.Repeat(" ", widths[c]-ansi.StringWidth(cell)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func share(b Breaker) string {
	if b.Calls == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*b.FailureRate)
}

// breakerState is the state, with the mode where somebody forced it.
func breakerState(b *api.Breaker) string {
	state := strings.ReplaceAll(b.State, "_", "-")
	switch b.Mode {
	case "open", "closed":
		return "forced " + b.Mode
	case "observe":
		return state + " (observe)"
	}
	return state
}

// breakerNote says why one lets not everything through, and until when.
func breakerNote(b *api.Breaker, now time.Time) string {
	if b.State == "closed" || b.Mode == "open" || b.Mode == "closed" {
		return ""
	}
	note := b.Reason
	if left := b.Until.Sub(now); left > 0 {
		note += "; tries again in " + seconds(left)
	}
	return note
}

// unusualBreaker says what is unusual of one.
func unusualBreaker(b *api.Breaker, now time.Time) string {
	state := breakerState(b)
	if state == "closed" {
		return ""
	}
	return strings.TrimSuffix(state+": "+breakerNote(b, now), ": ")
}

// BreakerText writes all that is known of some.
func BreakerText(w io.Writer, list []Breaker, now time.Time) error {
	var b strings.Builder
	for n, x := range list {
		if n > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s: %s for %s\n", printable(x.Address), breakerState(x.Breaker), age(now.Sub(x.Since)))
		if note := breakerNote(x.Breaker, now); note != "" {
			fmt.Fprintf(&b, "  %s\n", printable(note))
		}
		rows := [][]string{}
		add := func(name, value string) { rows = append(rows, []string{"  " + name, printable(value)}) }
		if x.Target != "" {
			add("target", x.Target)
		}
		if x.Shared != "" {
			add("shared", x.Shared)
		}
		add("last minute", fmt.Sprintf("%s, %s failed", count(int(x.Calls), "call"), share(x)))
		if x.LatencyP95 > 0 {
			add("first byte", "95 % within "+seconds(time.Duration(float64(x.LatencyP95)*float64(time.Second))))
		}
		add("under way", strconv.FormatInt(x.InFlight, 10))
		add("opened", strconv.FormatUint(x.Opened, 10))
		add("rejected", strconv.FormatUint(x.Rejected, 10))
		if x.Observed > 0 {
			add("let through", fmt.Sprintf("%d that it would have refused", x.Observed))
		}
		if x.Full > 0 {
			add("too many", strconv.FormatUint(x.Full, 10))
		}
		if x.Waiting > 0 {
			add("waiting", strconv.Itoa(x.Waiting))
		}
		if x.Retries > 0 {
			add("retries", strconv.FormatUint(x.Retries, 10))
		}
		if x.Exhausted > 0 {
			add("retries refused", fmt.Sprintf("%d by the budget", x.Exhausted))
		}
		for _, kind := range slices.Sorted(maps.Keys(x.Fallbacks)) {
			add("fallback "+kind, strconv.FormatUint(x.Fallbacks[kind], 10))
		}
		b.WriteString(columns(rows))
		if len(x.Failures) > 0 {
			b.WriteString("\n  The last failures\n")
		}
		for _, f := range x.Failures {
			line := "    " + f.At.Local().Format("2006-01-02 15:04:05.000") + "  " + printable(f.Error)
			if f.Latency > 0 {
				line += " after " + seconds(time.Duration(float64(f.Latency)*float64(time.Second)))
			}
			b.WriteString(line + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
