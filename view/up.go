package view

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/syndicate/syndicate/api"
)

// Up shows how a system comes up, runs and stops: a line for each change,
// and on a terminal a status line that says what is waited for. Its methods
// are called by one goroutine at a time.
type Up struct {
	screen  *Screen
	colour  bool
	quiet   bool
	width   int // of the longest unit's name
	began   time.Time
	waited  time.Duration // for the turn
	fatal   func(unit string) bool
	tail    func(unit string) []string
	pending bytes.Buffer      // lines that Flush writes
	silence map[string]string // what is said of a unit that has no lines, by how its last run ended
}

// UpConfig says how to show it.
type UpConfig struct {
	Screen *Screen
	Colour bool
	Quiet  bool // failures and what is degraded only
	Units  []string
	// Tail returns the last lines that a unit wrote, sensitive values
	// replaced.
	Tail func(unit string) []string
	// Fatal reports whether the failure of a unit ends it all: Fail quotes
	// it then.
	Fatal func(unit string) bool
}

// NewUp returns the view of one up.
func NewUp(c UpConfig) *Up {
	u := &Up{screen: c.Screen, colour: c.Colour, quiet: c.Quiet, tail: c.Tail, fatal: c.Fatal, began: time.Now(), silence: map[string]string{}}
	u.Name(c.Units)
	return u
}

// Waited says that so much of the time since the beginning was a wait for the
// turn.
func (u *Up) Waited(d time.Duration) { u.waited = d }

// took says how long it was since the beginning.
func (u *Up) took() string {
	if u.waited == 0 {
		return seconds(time.Since(u.began))
	}
	return fmt.Sprintf("%s, after waiting %s for its turn", seconds(time.Since(u.began)-u.waited), seconds(u.waited))
}

// Name makes room for the names of units.
func (u *Up) Name(units []string) {
	for _, id := range units {
		u.width = min(max(u.width, len(id)), 40)
	}
}

// What is said of a unit that failed and has no lines.
const (
	wroteNothing = "it wrote nothing"
	neverStarted = "it was never started"
)

// Ran reports whether a process of a unit ended in its last run: it could be
// started.
func (u *Up) Ran(unit string) bool { return u.silence[unit] == wroteNothing }

// Event shows one transition.
func (u *Up) Event(ev api.Event) {
	took := seconds(ev.Took.Duration())
	switch {
	case ev.Exit != "":
		u.silence[ev.Unit] = wroteNothing
	case ev.From == "starting" && ev.To == "failed" && ev.UnitKind == "service":
		u.silence[ev.Unit] = neverStarted
	}
	switch ev.To {
	case "starting":
		if ev.Attempt > 1 || !u.screen.Live() {
			u.line(ev, "starting", attemptNote(ev))
		}
	case "ready":
		if ev.From == "unhealthy" {
			u.line(ev, "ready", "well again")
			return
		}
		u.line(ev, "ready", took)
	case "completed":
		if ev.From != "starting" { // of its own it did nothing now
			took = ev.Cause
		}
		u.line(ev, "completed", took)
	case "backoff":
		u.line(ev, "ended", fmt.Sprintf("%s; next attempt in %s", headline(ev.Cause), seconds(ev.Next.Sub(ev.Time))))
	case "pending":
		switch {
		case ev.From == "stopping":
			u.line(ev, "stopped", headline(ev.Cause)+"; starts again")
		case ev.From == "blocked" || ev.From == "completed" || ev.From == "stopped" || ev.Cause == "":
		case ev.From == "backoff" || ev.From == "failed": // it was told before
		default: // whether it may start again, what comes next says
			u.line(ev, "ended", headline(ev.Cause))
		}
	case "failed":
		u.line(ev, "failed", ev.Cause)
		if !u.fatal(ev.Unit) {
			u.quote(ev.Unit)
		}
	case "blocked", "unhealthy":
		u.line(ev, ev.To, ev.Cause)
	case "stopping":
		if !u.screen.Live() {
			u.line(ev, "stopping", "")
		}
	case "stopped":
		if ev.From == "stopping" {
			u.line(ev, "stopped", "")
		}
	}
}

// Command shows what somebody asked for.
func (u *Up) Command(ev api.Event) {
	u.Print(oneLine(strings.Join(strings.Fields(ev.To+" "+ev.Unit+" by "+ev.Actor), " ")))
}

// Told shows what is worth knowing of a unit besides its states: that its
// breaker opened, that it recovered from a crash.
func (u *Up) Told(ev api.Event) {
	word, note := strings.ReplaceAll(ev.To, "_", "-"), ev.Cause
	if ev.Kind == api.EventBreaker {
		word, note = "breaker", strings.TrimSuffix(word+": "+ev.Cause, ": ")
	}
	if ev.Actor != "" {
		note += " by " + ev.Actor
	}
	u.line(ev, word, note)
}

func attemptNote(ev api.Event) string {
	if ev.Attempt > 1 {
		return fmt.Sprintf("attempt %d", ev.Attempt)
	}
	return ""
}

// line prints one change.
func (u *Up) line(ev api.Event, word, note string) {
	if u.quiet && word != "failed" {
		return
	}
	text := fmt.Sprintf("  %-*s  %s", u.width, ev.Unit, u.paint(word, word))
	if note != "" {
		text += strings.Repeat(" ", max(0, len("completed")-len(word))) + "  " + oneLine(headline(note))
	}
	u.print(text)
}

// quote shows the last lines that a unit wrote.
func (u *Up) quote(unit string) []string {
	if u.tail == nil {
		return nil
	}
	lines := u.tail(unit)
	if text := u.silence[unit]; len(lines) == 0 && text != "" {
		u.print(u.paint("quote", "    ("+text+")"))
	}
	u.quoteLines(lines)
	return lines
}

func (u *Up) quoteLines(lines []string) {
	for _, text := range lines {
		u.print(u.paint("quote", "    | "+oneLine(text)))
	}
}

// withheld speaks of variables that a unit did not get: it names those that
// its output speaks of, and of others tells how many they are.
func (u *Up) withheld(names []string, output string) {
	said := map[string]bool{}
	for _, word := range strings.FieldsFunc(output, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		said[word] = true
	}
	var named []string
	for _, name := range names {
		if said[name] {
			named = append(named, name)
		}
	}
	const remedy = "inherit_env in its block passes variables on"
	switch {
	case len(named) > 0:
		u.print("Not passed on to it: " + strings.Join(named, " ") + "; " + remedy + ".")
	case len(names) == 1:
		u.print("1 variable of this shell is not passed on to it: syndicate doctor names it, " + remedy + ".")
	case len(names) > 1:
		u.print(fmt.Sprintf("%d variables of this shell are not passed on to it: syndicate doctor lists them, %s.", len(names), remedy))
	}
}

// print adds a line to what Flush writes.
func (u *Up) print(text string) {
	u.pending.WriteString(text)
	u.pending.WriteByte('\n')
}

// Flush writes the lines of the calls before it, at once: a thousand events
// in a burst are a few writes.
func (u *Up) Flush() {
	if u.pending.Len() > 0 {
		_, _ = u.screen.Write(u.pending.Bytes())
		u.pending.Reset()
	}
}

// status replaces the status line, behind the lines so far.
func (u *Up) status(text string) {
	u.Flush()
	u.screen.Status(text)
}

// Print shows a line of the command's own.
func (u *Up) Print(text string) {
	if !u.quiet {
		u.print(text)
	}
}

// Note shows what an engine elsewhere has to say of itself.
func (u *Up) Note(text string) { u.print(oneLine(text)) }

// Fail shows why it did not come up, or failed later, the last lines of the
// unit that was to blame, and what to do next. Of a unit which executed it
// tells, too, that variables were withheld.
func (u *Up) Fail(unit, cause, next string, withheld []string) {
	u.status("")
	u.print("")
	first, story, long := strings.Cut(cause, "\n")
	u.print(u.paint("failed", "Failed: ") + oneLine(first))
	if long {
		for line := range strings.Lines(story) {
			u.print("  " + oneLine(strings.TrimSuffix(line, "\n")))
		}
	} else if unit != "" {
		lines := u.quote(unit)
		if len(lines) > 0 || strings.Contains(cause, "exit status") {
			u.withheld(withheld, strings.Join(lines, "\n"))
		}
	}
	if next != "" {
		u.print("Next: " + next)
	}
	u.Flush()
}

// Settled says that everything was started, or failed, once.
func (u *Up) Settled(state, cause, summary string) {
	u.status("")
	after := u.took()
	if state == "ready" {
		u.Print(fmt.Sprintf("%s in %s: %s.", u.paint("ready", "Ready"), after, summary))
		return
	}
	u.print(fmt.Sprintf("%s after %s: %s.", u.paint("unhealthy", strings.ToUpper(state[:1])+state[1:]), after, oneLine(headline(cause))))
}

// Done says that a command was carried out.
func (u *Up) Done(what string) {
	u.status("")
	u.Print(fmt.Sprintf("%s in %s: %s.", u.paint("ready", "Done"), u.took(), what))
}

// Stopping says that the shutdown begins.
func (u *Up) Stopping(cause string, again bool) {
	u.began = time.Now()
	u.status("")
	text := "Stopping in reverse order (" + oneLine(headline(cause)) + ")."
	if again {
		text += " Ctrl-C again kills what does not stop."
	}
	u.Print("")
	u.Print(text)
}

// Stopped is the last line of a shutdown in good order.
func (u *Up) Stopped(failed []string) {
	u.status("")
	text := "Stopped in " + seconds(time.Since(u.began)) + "."
	if len(failed) > 0 {
		causes := make([]string, len(failed))
		for n, cause := range failed {
			causes[n] = headline(cause)
		}
		u.print(text + " Degraded: " + oneLine(strings.Join(causes, "; ")) + ".")
	} else {
		u.Print(text)
	}
	u.Flush()
}

// Waiting says what is waited for: in the status line of a terminal, as a
// line of its own elsewhere.
func (u *Up) Waiting(waiting []string) {
	if len(waiting) == 0 {
		u.status("")
		return
	}
	after := time.Since(u.began).Truncate(100 * time.Millisecond)
	if u.screen.Live() {
		u.status(fmt.Sprintf("  %5.1fs  waiting for %s", after.Seconds(), strings.Join(waiting, ", ")))
		return
	}
	u.Print(fmt.Sprintf("  still waiting after %s for %s", seconds(after), strings.Join(waiting, ", ")))
}

// paint colours a word by what it means.
func (u *Up) paint(word, text string) string {
	if !u.colour {
		return text
	}
	code := map[string]string{
		"ready": "32", "completed": "32", "failed": "1;31", "ended": "31", "blocked": "33",
		"unhealthy": "33", "starting": "36", "stopping": "2", "stopped": "2", "quote": "2",
	}[word]
	if code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + reset
}

// oneLine makes text that comes from elsewhere harmless: control characters
// would move the cursor or ring the bell.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0:
			return '?'
		}
		return r
	}, text)
}

// seconds prints a duration as people read it: 12ms, 1.42s, 2m5s.
func seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return whole(d.Round(time.Millisecond), time.Millisecond) + "ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + "s"
	}
	return d.Round(time.Second).String()
}
