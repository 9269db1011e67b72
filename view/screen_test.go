package view

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestStatusIsNeverWiderThanTheTerminal(t *testing.T) {
	for _, text := range []string{"short", strings.Repeat("long ", 40), strings.Repeat("日本", 40)} {
		var out bytes.Buffer
		s := NewScreen(&out, func() int { return 20 })
		s.Status(text)
		line := out.String()
		if i := strings.LastIndex(line, clearLine); i >= 0 {
			line = line[i+len(clearLine):]
		}
		if w := ansi.StringWidth(line); w > 19 {
			t.Errorf("the status of %q is %d columns wide", text, w)
		}
	}
}

func TestLinesStandAboveTheStatus(t *testing.T) {
	var out bytes.Buffer
	s := NewScreen(&out, func() int { return 80 })
	s.Status("waiting")
	out.Reset()
	if _, err := s.Write([]byte("a line\n")); err != nil {
		t.Fatal(err)
	}
	if want := clearLine + "a line\n" + dim + "waiting" + reset; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	s.Status("")
	out.Reset()
	if _, _ = s.Write([]byte("another\n")); out.String() != "another\n" {
		t.Errorf("got %q after the status was removed", out.String())
	}
}
