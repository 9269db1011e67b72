package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/syndicate/syndicate/api"
)

// How long a stop may be silent where no terminal shows its status line.
const downSilence = 10 * time.Second

// DownConfig says how a stop is shown.
type DownConfig struct {
	Screen *Screen // messages and the status line
	Quiet  bool
}

// Down shows how a system stops. It is not safe for concurrent use.
type Down struct {
	cfg   DownConfig
	said  api.Seconds // when the last line came
	any   bool
	width int // of the longest unit's name
}

// NewDown returns the view of one down.
func NewDown(cfg DownConfig) *Down { return &Down{cfg: cfg} }

// Progress shows one line of the engine's answer.
func (d *Down) Progress(p api.DownProgress) {
	if n := len(p.Stopping) + len(p.Waiting) + len(p.Stopped); !d.any && n > 0 {
		d.any = true
		for _, id := range slices.Concat(p.Stopping, p.Waiting, p.Stopped) {
			d.width = min(max(d.width, len(id)), 40)
		}
		d.print(fmt.Sprintf("Stopping %s in reverse order.", count(n, "unit")))
		d.said = p.Elapsed
	}
	for _, id := range p.Stopped {
		d.print(fmt.Sprintf("  %-*s  stopped", d.width, id))
		d.said = p.Elapsed
	}
	waits := waitsFor(p)
	switch {
	case p.Done || waits == "":
		d.cfg.Screen.Status("")
	case d.cfg.Screen.Live():
		d.cfg.Screen.Status(fmt.Sprintf("  %5.1fs  waiting for %s", float64(p.Elapsed), waits))
	case p.Elapsed.Duration()-d.said.Duration() >= downSilence:
		d.print(fmt.Sprintf("  still waiting after %s for %s", seconds(p.Elapsed.Duration()), waits))
		d.said = p.Elapsed
	}
}

// waitsFor names what has to end before the next can.
func waitsFor(p api.DownProgress) string {
	if len(p.Stopping) == 0 {
		return few(p.Waiting)
	}
	return few(p.Stopping)
}

// few names the first few, and says how many more there are.
func few(names []string) string {
	const most = 3
	text := strings.Join(names[:min(most, len(names))], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Note shows a line of the command's own.
func (d *Down) Note(text string) { d.print(text) }

func (d *Down) print(text string) {
	if !d.cfg.Quiet {
		_, _ = io.WriteString(d.cfg.Screen, oneLine(text)+"\n")
	}
}

// Stopped writes the result: what stopped, and how long it took.
func Stopped(w io.Writer, name string, took time.Duration) error {
	_, err := fmt.Fprintf(w, "%s stopped in %s.\n", printable(name), seconds(took))
	return err
}

// NothingRuns writes the result of a down where nothing ran.
func NothingRuns(w io.Writer, stateDir string) error {
	_, err := fmt.Fprintf(w, "Nothing runs here (state directory %s).\n", printable(stateDir))
	return err
}

// EndingLeftovers tells what of a dead engine's is still waited for; left is
// the time until what is deaf to SIGTERM is killed.
func EndingLeftovers(engine int, list []api.Leftover, left time.Duration) string {
	const most = 5
	names := make([]string, 0, most)
	for _, l := range list[:min(most, len(list))] {
		names = append(names, strings.TrimSpace(fmt.Sprintf("%s (pid %d)", l.Unit, l.PID)))
	}
	text := fmt.Sprintf("Waiting for %s that the engine (pid %d) left running: %s", processes(len(list)), engine, strings.Join(names, ", "))
	if more := len(list) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if left <= 0 {
		return text + "; it was told to end."
	}
	return text + "; what ignores SIGTERM is killed in " + max(left, time.Second).Round(time.Second).String() + "."
}

// Ended writes the result of a down that ended what a dead engine had left:
// the leftovers of the status.
func Ended(w io.Writer, st api.Status) error {
	text := "it left nothing running"
	if n := len(st.Leftovers); n > 0 {
		text = processes(n) + " that it left running ended"
	}
	return DeathNote(w, st, text)
}

// EndsFirst writes that an engine died, and which of the leftovers of the
// status an up ends before it starts anything.
func EndsFirst(w io.Writer, st api.Status) error {
	n := len(st.Leftovers)
	if n == 0 {
		return DeathNote(w, st, "it left nothing running, and up begins anew")
	}
	var units []string
	for _, l := range st.Leftovers {
		if l.Unit != "" && !slices.Contains(units, l.Unit) {
			units = append(units, l.Unit)
		}
	}
	text := "up first ends " + processes(n) + " that it left running"
	if len(units) > 0 {
		text += " (" + few(units) + ")"
	}
	return DeathNote(w, st, text)
}
