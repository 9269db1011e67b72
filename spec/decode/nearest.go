package decode

import "github.com/agext/levenshtein"

// nearest returns the candidate that got was probably meant to be: the one
// with the smallest distance below 3, or below half of a short word. Ties go
// to the first.
func nearest(got string, candidates []string) string {
	best, distance := "", 3
	for _, c := range candidates {
		if d := levenshtein.Distance(got, c, nil); d < distance && d*2 <= max(len(got), len(c)) {
			best, distance = c, d
		}
	}
	return best
}
