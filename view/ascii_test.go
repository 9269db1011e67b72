package view_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/view"
)

// However the text is cut, the same comes out, and nothing else is changed.
func TestASCII(t *testing.T) {
	const text, want = "├─ é → ü\n│  └─ f(…)\xe2\x94", "|- é > ü\n|  `- f(...)"
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		a := view.NewASCII(&out)
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			if wrote, err := io.WriteString(a, rest[:n]); wrote != n || err != nil {
				t.Fatal(wrote, err)
			}
			rest = rest[n:]
		}
		if out.String() != want {
			t.Fatalf("%q", out.String())
		}
	})
}

// What a unit wrote is data, what stands before it is not.
func TestConsoleInASCII(t *testing.T) {
	var out bytes.Buffer
	err := view.NewConsole(view.ConsoleConfig{Out: view.NewASCII(&out), Units: []string{"service.a"}}).Lines([]view.LogLine{
		{Unit: "service.a", Stream: "stdout", Text: []byte("├ →")},
		{Unit: "service.a", Stream: "stderr", Text: []byte("…"), Continued: true},
		{Unit: "service.a", Stream: "syndicate", Time: time.Now(), Text: []byte("note")},
	})
	if want := "a | ├ →\na ! > …\na - note\n"; err != nil || out.String() != want {
		t.Errorf("%q, %v, want %q", out.String(), err, want)
	}
}
