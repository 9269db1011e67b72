package main

import (
	"strings"
	"testing"
)

func text(lines [][]cell) string {
	var b strings.Builder
	for _, l := range lines {
		for _, c := range l {
			b.WriteRune(c.char)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestScreenShowsWhatIsSeenAtTheEnd(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "one\r\ntwo\r\n", "one\ntwo\n"},
		{"a status that goes", "\r\x1b[K\x1b[2mwaiting\x1b[0m\r\x1b[Kdone\r\n", "done\n"},
		{"written over", "abc\rX\n", "Xbc\n"},
		{"other sequences", "a\x1b[?25lb\x07\x1b[3Dc", "abc\n"},
		{"a broken sequence", "a\x1b[", "a\n"},
		{"too long", strings.Repeat("x", 101) + "y", strings.Repeat("x", 100) + "\nxy\n"},
		{"no text", "", ""},
		{"no UTF-8", "a\xff", "a\uFFFD\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := text(screen(c.in)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDrawKeepsColoursAndColumns(t *testing.T) {
	got := draw("a <b>", screen("  \x1b[1;32mready\x1b[0m <x>"))
	for _, want := range []string{
		`x="32" y="59" textLength="40" fill="#8ddb8c" font-weight="bold">ready<`,
		`x="80" y="59" textLength="24">&lt;x&gt;<`,
		`a &lt;b&gt;`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the picture lacks %s:\n%s", want, got)
		}
	}
}
