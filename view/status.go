package view

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/syndicate/syndicate/api"
)

// StatusOptions say how a status is shown.
type StatusOptions struct {
	Colour bool
	Width  int // of the terminal, in columns; 0 for no limit
}

// StatusJSON writes the status as it is on the wire.
func StatusJSON(w io.Writer, st api.Status) error { return writeJSON(w, st) }

// StatusText writes a table of units with the state of the whole above it.
func StatusText(w io.Writer, st api.Status, o StatusOptions) error {
	i := ink(o.Colour)
	var b strings.Builder
	b.WriteString(statusHead(st, i) + "\n")
	if st.Cause != "" {
		b.WriteString("  " + printable(headline(st.Cause)) + "\n")
	}
	for _, n := range st.Notices {
		b.WriteString("  " + i.yellow(printable(Notice(n))) + "\n")
	}
	if len(st.Units) > 0 {
		b.WriteByte('\n')
		if st.State == api.SystemLost {
			b.WriteString("How it was then:\n")
		}
		newStatusTable(st, i, o.Width).write(&b)
	}
	if n := len(st.Leftovers); n > 0 {
		fmt.Fprintf(&b, "\nStill running without an engine: %s\n", processes(n))
		for _, l := range st.Leftovers {
			b.WriteString(strings.TrimRight(fmt.Sprintf("  %7d  %s", l.PID, printable(l.Unit)), " ") + "\n")
		}
	}
	if len(st.Holds) > 0 {
		b.WriteString("\nHeld if it is declared again, until start:\n")
		for _, h := range st.Holds {
			b.WriteString("  " + printable(h.ID+"  stopped "+h.Held) + "\n")
		}
	}
	if len(st.Kept) > 0 {
		fmt.Fprintf(&b, "\nConnections wait for the next up, for a minute: %s\n", printable(strings.Join(st.Kept, ", ")))
	}
	if line := unwell(st); line != "" && st.State != api.SystemLost {
		b.WriteString("\n" + i.yellow(line) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// statusHead is the line on the system as a whole.
func statusHead(st api.Status, i ink) string {
	state := stateInk(i, st.State)(st.State)
	switch {
	case st.State == api.SystemStopped && st.PID == 0:
		return fmt.Sprintf("%s: %s", printable(st.Name), state)
	case st.State == api.SystemLost:
		return fmt.Sprintf("%s: %s, %s", printable(st.Name), state, death(st, "its engine"))
	}
	return fmt.Sprintf("%s: %s, up %s (pid %d)", printable(st.Name), state, age(st.Now.Sub(st.Since)), st.PID)
}

// Notice is what the engine cannot write, in one sentence.
func Notice(n api.Notice) string {
	what, loss := "The journal", "events wait in memory"
	if n.What == api.NoticeLogs {
		what, loss = "The log of "+strings.Join(n.Units, ", "), "lines are lost"
		if n.Stalled {
			loss = "who writes much waits"
		}
		if more := len(n.Units) - 1; more > 0 {
			what = fmt.Sprintf("The logs of %s and %s", n.Units[0], count(more, "other"))
		}
	}
	return fmt.Sprintf("%s cannot be written since %s, and %s: %s", what, moment(n.Since), loss, n.Cause)
}

// Death says that the engine of a system has died, and when.
func Death(st api.Status) string { return death(st, "the engine of "+printable(st.Name)) }

// DeathNote writes that, and what more there is to say of it.
func DeathNote(w io.Writer, st api.Status, more string) error {
	_, err := io.WriteString(w, oneLine(death(st, "The engine of "+printable(st.Name))+"; "+more)+".\n")
	return err
}

func death(st api.Status, who string) string {
	text := fmt.Sprintf("%s (pid %d) died", who, st.PID)
	switch {
	case !st.Died.IsZero():
		text += " at " + moment(st.Died)
	case !st.LastSign.IsZero():
		text += " after " + moment(st.LastSign)
	}
	return text + " without stopping it"
}

// moment is a time of day here, with its date where that was another day.
func moment(at time.Time) string {
	at = at.Local()
	if at.Format(time.DateOnly) == time.Now().Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateTime)
}

// unitNote says what a unit waits for, or why it is in its state.
func unitNote(u *api.Unit, now time.Time) string {
	switch {
	case u.State == "blocked" && u.Cause != "": // it waits for nothing that could come by itself
		return headline(u.Cause)
	case len(u.WaitingFor) > 0:
		return "waits for " + strings.Join(u.WaitingFor, ", ")
	case (u.State == "backoff" || u.State == "failed") && !u.Next.IsZero():
		note := "next attempt"
		if u.State == "failed" { // restart.again_after
			note = "begins anew"
		}
		if left := u.Next.Sub(now); left > 0 {
			note += " in " + seconds(left)
		}
		if why := because(u); why != "" {
			note = why + "; " + note
		}
		return note
	case u.State == "ready" && u.Breaker != nil:
		return unusualBreaker(u.Breaker, now)
	case u.State == "ready" && u.Database != nil:
		return databaseNote(u.Database, now)
	case u.State == "ready" || u.State == "completed":
		return ""
	case u.State == "starting" && u.Attempt > 1:
		return strings.TrimSuffix(fmt.Sprintf("attempt %d: %s", u.Attempt, headline(cmp.Or(u.Seen, u.Cause))), ": ")
	case u.State == "starting" && u.Seen != "":
		return headline(u.Seen)
	}
	return because(u)
}

// databaseNote says what is unusual of a database that is ready.
func databaseNote(d *api.Database, now time.Time) string {
	var notes []string
	if d.Breaker != nil {
		if note := unusualBreaker(d.Breaker, now); note != "" {
			notes = append(notes, "breaker "+note)
		}
	}
	if d.Standby {
		notes = append(notes, "read-only: it is a standby")
	}
	if d.Pool.Waiting > 0 {
		notes = append(notes, fmt.Sprintf("%d wait for a connection", d.Pool.Waiting))
	}
	if m := d.MaxConnections; m > 0 && d.Connections*10 >= m*9 {
		notes = append(notes, fmt.Sprintf("%d of %d sessions taken", d.Connections, m))
	}
	return strings.Join(notes, "; ")
}

// processes counts them.
func processes(n int) string {
	if n == 1 {
		return "1 process"
	}
	return strconv.Itoa(n) + " processes"
}

// because is the reason for a state, else how the last run ended.
func because(u *api.Unit) string {
	if u.Cause != "" {
		return headline(u.Cause)
	}
	return u.LastExit
}

// headline is the first line of a cause: what one that tells a whole story,
// such as every place looked at, has to say first.
func headline(cause string) string {
	first, _, more := strings.Cut(cause, "\n")
	if more {
		first += " …"
	}
	return first
}

// unwell counts what does not run as it should; empty where all does.
func unwell(st api.Status) string {
	in := map[string]int{}
	for i := range st.Units {
		in[st.Units[i].State]++
	}
	var parts []string
	for _, state := range []string{"failed", "unhealthy", "blocked", "backoff"} {
		if n := in[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Not well: %s, of %s.", strings.Join(parts, ", "), count(len(st.Units), "unit"))
}

func readyIn(u *api.Unit) string {
	if u.ReadyAfter == 0 {
		return "-"
	}
	return seconds(u.ReadyAfter.Duration())
}

func memory(u *api.Unit) string {
	if u.Memory == 0 {
		return "-"
	}
	return Bytes(u.Memory)
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// age prints how long ago something was, in one unit or two.
func age(d time.Duration) string {
	d = max(d, 0)
	day := 24 * time.Hour
	switch {
	case d < time.Second:
		return "0s"
	case d < time.Minute:
		return whole(d, time.Second) + "s"
	case d < time.Hour:
		return whole(d, time.Minute) + "m" + whole(d%time.Minute, time.Second) + "s"
	case d < day:
		return whole(d, time.Hour) + "h" + whole(d%time.Hour, time.Minute) + "m"
	}
	return whole(d, day) + "d" + whole(d%day, time.Hour) + "h"
}

// whole prints how many whole units of time there are in d.
func whole(d, unit time.Duration) string { return strconv.FormatInt(int64(d/unit), 10) }

// stateInk returns the colour of a state.
func stateInk(i ink, state string) func(string) string {
	switch state {
	case "ready", "completed":
		return i.green
	case "failed", api.SystemLost:
		return i.red
	case "unhealthy", "blocked", "backoff", api.SystemDegraded:
		return i.yellow
	case "starting", "stopping":
		return i.note
	}
	return i.dim
}
