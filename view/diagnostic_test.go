package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/syndicate/syndicate/spec"
)

// at is the range of the first occurrence of token in src.
func at(t *testing.T, file, src, token string) spec.Range {
	t.Helper()
	from := strings.Index(src, token)
	if from < 0 {
		t.Fatalf("%q is not in %q", token, src)
	}
	pos := func(i int) spec.Pos {
		line := 1 + strings.Count(src[:i], "\n")
		return spec.Pos{Line: line, Column: i - strings.LastIndex(src[:i], "\n"), Byte: i}
	}
	return spec.Range{Filename: file, Start: pos(from), End: pos(from + len(token))}
}

func TestDiagnosticText(t *testing.T) {
	tests := []struct {
		name, src, token string
		width            int
		want             []string // the line of source and its mark, gutter taken off
	}{
		{"plain", "a = 1\nbb = wrong\n", "wrong", 80, []string{"bb = wrong", "     ^^^^^"}},
		{"tabs", "\ta =\twrong\n", "wrong", 80, []string{"    a =    wrong", "           ^^^^^"}},
		{"wide characters", "a = [\"日本語\", wrong]", "wrong", 80, []string{"a = [\"日本語\", wrong]", "               ^^^^^"}},
		{"a wide token", "a = 日本\n", "日本", 80, []string{"a = 日本", "    ^^^^"}},
		{"combining marks", "a = e\u0301 + wrong\n", "wrong", 80, []string{"a = e\u0301 + wrong", "        ^^^^^"}},
		{"CRLF", "a = 1\r\nb = wrong\r\n", "wrong", 80, []string{"b = wrong", "    ^^^^^"}},
		{"an escape for the terminal", "a = \"\x1b[2J\" + wrong", "wrong", 80, []string{`a = "\u001b[2J" + wrong`, "                  ^^^^^"}},
		{"a long line is cut around the token", "a = [" + strings.Repeat("x, ", 100) + "wrong" + strings.Repeat(", y", 100) + "]", "wrong", 50, nil},
		{"a long token", "a = " + strings.Repeat("w", 3000), strings.Repeat("w", 3000), 50, nil},
		{"several lines", "a = [\n1,\n2]", "[\n1,\n2]", 80, []string{"a = [", "    ^"}},
		{"an empty token", "a = \n", "\n", 80, []string{"a = ", "    ^"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := spec.Diagnostic{Severity: spec.Error, Code: "S001", Summary: "Bad", Detail: "It is bad.", Subject: at(t, "x.hcl", tt.src, tt.token)}
			r := NewReport(spec.Diagnostics{d}, map[string][]byte{"x.hcl": []byte(tt.src)})
			var b strings.Builder
			if err := r.Text(&b, TextOptions{Width: tt.width}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(b.String()) {
				line = strings.TrimSuffix(line, "\n")
				if ansi.StringWidth(line) > tt.width {
					t.Errorf("wider than %d: %q", tt.width, line)
				}
				if strings.ContainsAny(line, "\x1b\r\t") {
					t.Errorf("a control character gets through: %q", line)
				}
				if rest, ok := strings.CutPrefix(line, "│     "); ok {
					_, code, _ := strings.Cut(rest, "│ ")
					got = append(got, code)
				}
			}
			if len(got) != 2 {
				t.Fatalf("no snippet:\n%s", b.String())
			}
			from := strings.Index(got[1], "^")
			if marked := ansi.Cut(got[0], from, ansi.StringWidth(got[1])); tt.want == nil && !strings.HasPrefix(marked, tt.token[:5]) {
				t.Errorf("marks %q of %q", marked, got[0])
			}
			if tt.want != nil && (strings.TrimRight(got[0], " ") != strings.TrimRight(tt.want[0], " ") || got[1] != tt.want[1]) {
				t.Errorf("got\n%s\n%s\nwant\n%s\n%s", got[0], got[1], tt.want[0], tt.want[1])
			}
		})
	}
}

// What has no source, or a range that does not fit it, is shown without.
func TestDiagnosticWithoutSource(t *testing.T) {
	ranges := []spec.Range{
		{},
		{Filename: "gone.hcl"},
		{Filename: "gone.hcl", Start: spec.Pos{Line: 3, Column: 1}},
		{Filename: "x.hcl", Start: spec.Pos{Line: 99, Byte: 999}, End: spec.Pos{Line: 99, Byte: 9999}},
		{Filename: "x.hcl", Start: spec.Pos{Line: 1, Byte: 900}, End: spec.Pos{Line: 1, Byte: 3}},
		{Filename: "x.hcl", Start: spec.Pos{Line: -1, Byte: -5}, End: spec.Pos{Line: -1, Byte: -9}},
		{Filename: "x.hcl", Start: spec.Pos{Line: 1, Byte: -5}, End: spec.Pos{Line: 1, Byte: -9}},
	}
	for i, rng := range ranges {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			d := spec.Diagnostic{Severity: spec.Warning, Code: "S060", Summary: "Odd", Detail: "It is odd.", Subject: rng,
				Related: []spec.Related{{Range: rng, Message: "here"}, {Message: "nowhere"}}}
			r := NewReport(spec.Diagnostics{d}, map[string][]byte{"x.hcl": []byte("a = \xff1")})
			for _, write := range []func(*strings.Builder) error{
				func(b *strings.Builder) error { return r.Text(b, TextOptions{Width: 30, Colour: true}) },
				func(b *strings.Builder) error { return r.JSON(b) },
				func(b *strings.Builder) error { return r.GitHub(b) },
			} {
				var b strings.Builder
				if err := write(&b); err != nil || !strings.Contains(b.String(), "It is odd.") || !utf8.ValidString(b.String()) {
					t.Errorf("%v: %q", err, b.String())
				}
			}
		})
	}
}

func TestReportJSON(t *testing.T) {
	var b strings.Builder
	if err := NewReport(nil, nil).JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if list, ok := got["diagnostics"].([]any); !ok || len(list) != 0 || got["valid"] != true || got["format_version"] != "1.0" {
		t.Errorf("got %s", &b)
	}
}

func TestReportGitHub(t *testing.T) {
	src := "a = wrong"
	d := spec.Diagnostic{Severity: spec.Error, Code: "S001", Summary: "One, two: 100%", Detail: "First.\nSecond: 5%.", Subject: at(t, "a,b:c.hcl", src, "wrong")}
	var b strings.Builder
	if err := NewReport(spec.Diagnostics{d}, nil).GitHub(&b); err != nil {
		t.Fatal(err)
	}
	want := "::error file=a%2Cb%3Ac.hcl,line=1,endLine=1,col=5,endColumn=10,title=S001 One%2C two%3A 100%25::First.%0ASecond: 5%25.\n"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}

func TestReportCounts(t *testing.T) {
	tests := []struct {
		errors, warnings int
		want             string
	}{{0, 0, "No errors."}, {1, 0, "1 error."}, {2, 1, "2 errors, 1 warning."}, {0, 2, "2 warnings."}}
	for _, tt := range tests {
		if got := (&Report{ErrorCount: tt.errors, WarningCount: tt.warnings}).Counts(); got != tt.want {
			t.Errorf("%d, %d: got %q, want %q", tt.errors, tt.warnings, got, tt.want)
		}
	}
	var ds spec.Diagnostics
	for range 60 {
		ds = append(ds, spec.Diagnostic{Severity: spec.Error, Summary: "Bad", Detail: "It is bad."})
	}
	var b strings.Builder
	if err := NewReport(ds, nil).Text(&b, TextOptions{Most: 50}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(b.String(), "… and 10 more.\n60 errors.\n") {
		t.Errorf("ends with %q", b.String()[max(0, b.Len()-60):])
	}
}

// Ten thousand mistakes in one file are described in proportion to it.
func TestReportManyInOneFile(t *testing.T) {
	src := strings.Repeat("a = wrong\n", 100_000)
	var ds spec.Diagnostics
	for i := range 10_000 {
		line := 90_000 + i
		ds = append(ds, spec.Diagnostic{Severity: spec.Error, Subject: spec.Range{Filename: "x",
			Start: spec.Pos{Line: line, Byte: (line-1)*10 + 4}, End: spec.Pos{Line: line, Byte: (line-1)*10 + 9}}})
	}
	for _, d := range NewReport(ds, map[string][]byte{"x": []byte(src)}).Diagnostics {
		if s := d.Snippet; s == nil || s.Code[s.Start:s.End] != "wrong" {
			t.Fatalf("snippet %+v", d.Snippet)
		}
	}
}

func TestFailureIsPrintable(t *testing.T) {
	var b strings.Builder
	Failure(&b, false, "first\nsecond \x1b[2J", "syndicate doctor")
	if b.String() != "Error: first\nsecond \\u001b[2J\nTry: syndicate doctor\n" {
		t.Errorf("got %q", b.String())
	}
}
