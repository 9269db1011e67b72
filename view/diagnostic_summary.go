package view

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/spec"
)

// Validated writes the one line that says what a valid configuration holds:
// "The configuration is valid: 3 services, 1 database." Blocks in no active
// profile were not looked at, which a second line says.
func Validated(w io.Writer, s *spec.System) error {
	var parts []string
	for _, c := range []struct {
		n    int
		noun string
	}{
		{len(s.Services), "service"}, {len(s.Tasks), "task"}, {len(s.Databases), "database"},
		{len(s.Breakers), "breaker"}, {len(s.Queues), "queue"}, {len(s.Thresholds), "threshold"},
		{len(s.Boundaries), "boundary"}, {len(s.Notifies), "notify"},
	} {
		if c.n > 0 {
			parts = append(parts, blocks(c.n, c.noun))
		}
	}
	held := "it declares nothing yet"
	if len(parts) > 0 {
		held = strings.Join(parts, ", ")
	}
	var off int
	profiles := map[string]bool{}
	for _, d := range s.Disabled {
		if len(d.Profiles) > 0 {
			off++
		}
		for _, name := range d.Profiles {
			profiles[name] = true
		}
	}
	text := fmt.Sprintf("The configuration is valid: %s.\n", held)
	if off > 0 {
		text += fmt.Sprintf("Not looked at: %s in no active profile (%s).\n",
			count(off, "block"), spec.ProfileFlags(slices.Sorted(maps.Keys(profiles))))
	}
	_, err := io.WriteString(w, text)
	return err
}

// blocks counts blocks of a kind; notify is no noun.
func blocks(n int, kind string) string {
	if kind == string(spec.KindNotify) {
		return fmt.Sprintf("%d notify", n)
	}
	return count(n, kind)
}

// Failure writes what a command failed with, and the next command to try
// unless it is empty.
func Failure(w io.Writer, colour bool, message, hint string) {
	i := ink(colour)
	lines := strings.Split(strings.TrimRight(message, "\n"), "\n")
	for n, l := range lines {
		lines[n] = printable(l)
	}
	fmt.Fprintf(w, "%s %s\n", i.bold(i.red("Error:")), strings.Join(lines, "\n"))
	if hint != "" {
		fmt.Fprintf(w, "Try: %s\n", printable(hint))
	}
}

// failure is why a command failed, for a program.
type failure struct {
	Type          string `json:"type"`
	FormatVersion string `json:"format_version"`
	Error         string `json:"error"`
	Next          string `json:"next,omitempty"`
	ExitCode      int    `json:"exit_code"`
}

// FailureJSON writes, in one line, why a command has no other result.
func FailureJSON(w io.Writer, message, hint string, code int) error {
	e := json.NewEncoder(data(w))
	e.SetEscapeHTML(false)
	return e.Encode(failure{"error", api.FormatVersion, strings.TrimRight(message, "\n"), hint, code})
}

// Warning shows what a command goes on in spite of.
func Warning(w io.Writer, colour bool, message string) {
	i := ink(colour)
	fmt.Fprintf(w, "%s %s\n", i.bold(i.yellow("Warning:")), printable(message))
}
