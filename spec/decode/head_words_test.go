package decode

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The words are those that regular expressions find, which are easier to read
// and take a hundred times as long.
func TestHeadWordsAreThoseOfTheExpressions(t *testing.T) {
	lineStart := regexp.MustCompile(`(?m)^[ \t]*syndicate\b`)
	within := regexp.MustCompile(`\bsyndicate[ \t"]*\{`)
	piece := rapid.SampledFrom([]string{"syndicate", "syndicate", " ", "\t", "\n", "{", "}", `"`, "_", "x", "9", "-", "ä", "#"})
	rapid.Check(t, func(t *rapid.T) {
		src := []byte(strings.Join(rapid.SliceOfN(piece, 0, 14).Draw(t, "pieces"), ""))
		var want []int
		for _, at := range lineStart.FindAllIndex(src, -1) {
			want = append(want, at[0])
		}
		got, inLine := headWords(src)
		if !slices.Equal(got, want) {
			t.Fatalf("lines of %q: %v, want %v", src, got, want)
		}
		if len(got) == 0 && inLine != within.Match(src) {
			t.Fatalf("%q has the word within a line: %t", src, inLine)
		}
	})
}
