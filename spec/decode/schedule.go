package decode

import (
	"fmt"
	"strconv"
	"strings"
)

// checkSchedule reports a text that is not five cron fields.
func checkSchedule(s string) error {
	fields := strings.Fields(s)
	if len(fields) == 1 && strings.HasPrefix(s, "@") {
		switch s {
		case "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly":
			return nil
		}
		return fmt.Errorf("%q is no schedule: write five fields such as \"*/15 * * * *\", or @hourly, @daily, @weekly, @monthly, @yearly", s)
	}
	if len(fields) != 5 {
		return fmt.Errorf("a schedule has five fields (minute, hour, day, month, weekday), such as \"*/15 * * * *\", and this has %d", len(fields))
	}
	for i, f := range []struct {
		name        string
		least, most int
		words       string
	}{
		{"minute", 0, 59, ""}, {"hour", 0, 23, ""}, {"day", 1, 31, ""},
		{"month", 1, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"},
		{"weekday", 0, 7, "SUN MON TUE WED THU FRI SAT"},
	} {
		for part := range strings.SplitSeq(fields[i], ",") {
			if !goodPart(part, f.least, f.most, strings.Fields(f.words)) {
				return fmt.Errorf("the %s of a schedule is a number from %d to %d, *, a range, a step or a list of them, not %q", f.name, f.least, f.most, part)
			}
		}
	}
	return nil
}

// goodPart reports whether a part of a field is a number, * or a range, with
// a step or without.
func goodPart(part string, least, most int, words []string) bool {
	base, step, hasStep := strings.Cut(part, "/")
	if n, err := strconv.Atoi(step); hasStep && (err != nil || n < 1 || n > most) {
		return false
	}
	if base == "*" {
		return true
	}
	number := func(s string) (int, bool) {
		for i, w := range words {
			if strings.EqualFold(s, w) {
				return i + least, true
			}
		}
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= least && n <= most
	}
	from, to, isRange := strings.Cut(base, "-")
	a, ok := number(from)
	if !ok || !isRange {
		return ok
	}
	b, ok := number(to)
	return ok && a <= b
}
