package decode

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

// nearest returns the candidate that got was probably meant to be: the one
// that differs in the case of letters only, else the one with the smallest
// distance below 3, which is at most half of a short word. Of several the one
// is taken that has two letters the other way around, else the one that begins
// alike for longest, since the first letters are seldom the wrong ones, and
// then the first.
func nearest(got string, candidates []string) string {
	for _, c := range candidates {
		if strings.EqualFold(got, c) {
			return c
		}
	}
	best, least, alike := "", 3, 0
	for _, c := range candidates {
		d := distance(strings.ToLower(got), strings.ToLower(c))
		if d > least || d == 3 || d*2 > max(len(got), len(c)) {
			continue
		}
		if a := beginAlike(got, c); d < least || a > alike {
			best, least, alike = c, d, a
		}
	}
	return best
}

// beginAlike counts the letters that two words begin with alike: all, where
// they differ in the order of two neighbours.
func beginAlike(a, b string) int {
	if swapped(a, b) {
		return len(a)
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

// distance counts the letters by which two words differ. Two that were typed
// in the wrong order count as one.
func distance(a, b string) int {
	if swapped(a, b) {
		return 1
	}
	return levenshtein.Distance(a, b, nil)
}

// swapped reports whether two words differ in the order of two letters that
// stand side by side.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// suggest ends a message with the nearest of the candidates, if any is near.
func suggest(got string, candidates []string) string {
	if near := nearest(got, candidates); near != "" {
		return fmt.Sprintf(" Did you mean %q?", near)
	}
	return ""
}

// offer ends a message about a name that nothing has: with the nearest of
// those that there are, else with some of them. what begins the list, and
// prefix stands before each name, as one writes it.
func offer(got, what, prefix string, names []string) string {
	if near := nearest(got, names); near != "" {
		return fmt.Sprintf(" Did you mean %q?", prefix+near)
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf(" %s %s.", what, some(prefix, names))
}

// some lists names, the first few where they are many.
func some(prefix string, names []string) string {
	const most = 6
	shown := names
	if len(names) > most {
		shown = names[:most-1]
	}
	text := prefix + strings.Join(shown, ", "+prefix)
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
