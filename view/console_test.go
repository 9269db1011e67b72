package view_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/view"
)

func TestShortNamesLeaveNoDoubt(t *testing.T) {
	got := view.ShortNames([]string{"service.api", "task.seed", "service.seed", `service.worker["a"]`, "database.main", "database.main.migrations"})
	want := map[string]string{
		"service.api": "api", "task.seed": "task.seed", "service.seed": "service.seed",
		`service.worker["a"]`: "worker[a]", "database.main": "main", "database.main.migrations": "main.migrations",
	}
	for unit, name := range want {
		if got[unit] != name {
			t.Errorf("%s is %q, want %q", unit, got[unit], name)
		}
	}
}

func TestConsoleTellsUnitsAndStreamsApart(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.Local)
	lines := []view.LogLine{
		{Unit: "service.api", Stream: "stdout", Time: at, Text: []byte("listening\r")},
		{Unit: "service.worker", Stream: "stderr", Time: at, Text: []byte("warning")},
		{Unit: "service.worker", Stream: "stdout", Time: at, Text: []byte("the rest"), Continued: true},
		{Unit: "service.api", Stream: "syndicate", Time: at, Text: []byte("… 2 lines")},
		{Unit: "task.other", Time: at, Text: []byte("")},
	}
	units := []string{"service.api", "service.worker"}
	for _, c := range []struct {
		name string
		cfg  view.ConsoleConfig
		want string
	}{
		{"plain", view.ConsoleConfig{Units: units},
			"api    │ listening\nworker ┃ warning\nworker │ ↪ the rest\napi    · … 2 lines\ntask.other │ \n"},
		{"bare with times", view.ConsoleConfig{Units: units, Bare: true, Times: true},
			"03:04:05.006 listening\n03:04:05.006 warning\n03:04:05.006 ↪ the rest\n03:04:05.006 · … 2 lines\n03:04:05.006 \n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			c.cfg.Out = &out
			if err := view.NewConsole(c.cfg).Lines(lines); err != nil {
				t.Fatal(err)
			}
			if out.String() != c.want {
				t.Fatalf("got\n%q, want\n%q", out.String(), c.want)
			}
		})
	}
}

func TestNothingThatAUnitWritesSpeaksToTheTerminal(t *testing.T) {
	for _, c := range []struct{ name, text, plain, coloured string }{
		{"colour", "\x1b[1;31mred\x1b[0m", "red", "\x1b[1;31mred\x1b[0m\x1b[0m"},
		{"colour left on", "\x1b[38;5;1mred", "red", "\x1b[38;5;1mred\x1b[0m"},
		{"cursor", "a\x1b[2Jb\x1b[1;1Hc", "abc", "abc"},
		{"title", "\x1b]0;gotcha\x07text", "text", "text"},
		{"title without end", "text\x1b]0;gotcha", "text", "text"},
		{"clipboard", "\x1b]52;c;AAAA\x1b\\text", "text", "text"},
		{"device control", "\x1bPq#0\x1b\\x", "x", "x"},
		{"a broken sequence", "\x1b[12\x01x", `\x01x`, `\x01x`},
		{"reset of the terminal", "\x1bcx", "x", "x"},
		{"a lone escape", "x\x1b", "x", "x"},
		{"8-bit control", "\u009b2Jx", `\u009b2Jx`, `\u009b2Jx`},
		{"raw 8-bit control", "\x9b2J", `\x9b2J`, `\x9b2J`},
		{"backspace and bell", "a\bb\a", `a\x08b\x07`, `a\x08b\x07`},
		{"NUL", "\x00", `\x00`, `\x00`},
		{"a progress bar", "10%\r50%\r90%", "90%", "90%"},
		{"right to left", "a\u202eb", `a\u202eb`, `a\u202eb`},
		{"text", "tab\tünïcode 日本 👩‍💻", "tab\tünïcode 日本 👩‍💻", "tab\tünïcode 日本 👩‍💻"},
		{"a false colour", "\x1b[>4m\x1b[?1mx", "x", "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, colour := range []bool{false, true} {
				var out bytes.Buffer
				console := view.NewConsole(view.ConsoleConfig{Out: &out, Colour: colour, Bare: true})
				if err := console.Lines([]view.LogLine{{Unit: "service.a", Text: []byte(c.text)}}); err != nil {
					t.Fatal(err)
				}
				want, bar := c.plain, ""
				if colour {
					want, bar = c.coloured, "\x1b[2m│\x1b[0m "
				}
				if got := strings.TrimPrefix(out.String(), bar); got != want+"\n" {
					t.Fatalf("colour %v: got %q, want %q", colour, got, want)
				}
			}
		})
	}
}

func FuzzConsole(f *testing.F) {
	f.Add([]byte("\x1b[31mred\x1b]0;t\x07\x9b"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var out bytes.Buffer
		console := view.NewConsole(view.ConsoleConfig{Out: &out})
		if err := console.Lines([]view.LogLine{{Unit: "service.a", Text: text}}); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && r < ' ' || r >= 0x7f && r < 0xa0 }) {
			t.Fatalf("%q became %q", text, line)
		}
	})
}

func TestLogJSONNamesItsVersionFirst(t *testing.T) {
	var out bytes.Buffer
	j, err := view.NewLogJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	err = j.Lines([]view.LogLine{
		{Unit: "service.api", Stream: "stderr", Time: at, Text: []byte("<a> \x1b \xff\r"), Continued: true},
		{Unit: "service.api", Time: at},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"version","format_version":"1.0"}
{"type":"line","time":"2026-01-02T03:04:05.000000006Z","unit":"service.api","stream":"stderr","text":"<a> \u001b \ufffd","continued":true}
{"type":"line","time":"2026-01-02T03:04:05.000000006Z","unit":"service.api","text":""}
`
	if out.String() != want {
		t.Fatalf("got\n%swant\n%s", out.String(), want)
	}
}
