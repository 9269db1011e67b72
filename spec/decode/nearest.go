package decode

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

// nearest returns the candidate that got was probably meant to be: the one
// that differs in the case of letters only, else the one with the smallest
// distance below 3, which is at most half of a short word. Ties go to the
// first.
func nearest(got string, candidates []string) string {
	for _, c := range candidates {
		if strings.EqualFold(got, c) {
			return c
		}
	}
	best, least := "", 3
	for _, c := range candidates {
		if d := distance(strings.ToLower(got), strings.ToLower(c)); d < least && d*2 <= max(len(got), len(c)) {
			best, least = c, d
		}
	}
	return best
}

// distance counts the letters by which two words differ. Two that were typed
// in the wrong order count as one.
func distance(a, b string) int {
	if len(a) == len(b) {
		i := 0
		for i < len(a) && a[i] == b[i] {
			i++
		}
		if i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] {
			return 1
		}
	}
	return levenshtein.Distance(a, b, nil)
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
