package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/syndicate/syndicate/api"
)

// manyUnready is how many units are shown that are not ready.
const manyUnready = 10

// Unready shows what a system still waits for: each unit with what it waits
// for or what its probe has seen, and the last lines that it wrote.
func (u *Up) Unready(units []api.Unit, now time.Time) {
	u.status("")
	for _, unit := range units[:min(manyUnready, len(units))] {
		note := unitNote(&unit, now)
		if unit.State != "pending" && unit.State != "blocked" {
			note = strings.TrimSuffix("for "+age(now.Sub(unit.Since))+": "+note, ": ")
		}
		text := fmt.Sprintf("  %-*s  %s%s  %s", u.width, unit.ID, u.paint(unit.State, unit.State),
			strings.Repeat(" ", max(0, len("completed")-len(unit.State))), oneLine(note))
		u.print(strings.TrimRight(text, " "))
		u.quoteLines(unit.Lines)
	}
	if more := len(units) - manyUnready; more > 0 {
		u.print(fmt.Sprintf("  and %d more", more))
	}
}
