// Command picture draws what a terminal showed as an SVG image:
//
//	picture TITLE < recording > picture.svg
//
// The recording is the raw output of a program on a terminal, as script(1)
// takes it. Of the control sequences it follows those that syndicate uses:
// colours, carriage return, and the clearing of a line. tools/pictures.sh
// makes the README's pictures with it.
package main

import (
	"fmt"
	"html"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// The size of one character, and the space around all of them, in pixels.
const (
	terminal   = 100 // columns: longer lines go on below, as there
	charWidth  = 8.0
	lineHeight = 18
	margin     = 16
	bar        = 30
)

// style is how a character looks.
type style struct {
	colour    string
	bold, dim bool
}

// cell is one character of the screen.
type cell struct {
	char rune
	style
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: picture TITLE < recording > picture.svg")
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the recording: %w", err)
	}
	_, err = io.WriteString(out, draw(args[0], screen(string(text))))
	return err
}

// screen returns the lines that are seen at the end.
func screen(text string) [][]cell {
	lines := [][]cell{nil}
	var now style
	column := 0
	for len(text) > 0 {
		last := len(lines) - 1
		if rest, ok := strings.CutPrefix(text, "\x1b["); ok {
			end := strings.IndexFunc(rest, func(r rune) bool { return r >= '@' && r <= '~' })
			if end < 0 {
				break
			}
			switch rest[end] {
			case 'm':
				now = now.with(rest[:end])
			case 'K':
				lines[last] = lines[last][:min(column, len(lines[last]))]
			}
			text = rest[end+1:]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		switch {
		case r == '\n':
			lines, column = append(lines, nil), 0
		case r == '\r':
			column = 0
		case r < ' ':
			// The bell and its kind are not seen.
		default:
			if column == terminal {
				lines, column, last = append(lines, nil), 0, last+1
			}
			for len(lines[last]) <= column {
				lines[last] = append(lines[last], cell{char: ' '})
			}
			lines[last][column] = cell{r, now}
			column++
		}
	}
	for len(lines) > 0 && len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// colours are what the eight colours of a terminal look like.
var colours = map[string]string{
	"31": "#f47067", "32": "#8ddb8c", "33": "#f69d50", "34": "#6cb6ff",
	"35": "#dcbdfb", "36": "#76e3ea", "37": "#cdd9e5", "90": "#8b949e",
	"91": "#ff938a", "92": "#b4f1b4", "93": "#ffc680", "94": "#96d0ff",
	"95": "#eedcff", "96": "#b3f0ff",
}

// with applies the parameters of one SGR sequence.
func (s style) with(parameters string) style {
	for p := range strings.SplitSeq(parameters, ";") {
		switch p {
		case "", "0":
			s = style{}
		case "1":
			s.bold = true
		case "2":
			s.dim = true
		case "22":
			s.bold, s.dim = false, false
		case "39":
			s.colour = ""
		default:
			if c, ok := colours[p]; ok {
				s.colour = c
			}
		}
	}
	return s
}

// draw returns the image of a window with these lines.
func draw(title string, lines [][]cell) string {
	columns := 60
	for _, l := range lines {
		columns = max(columns, len(l))
	}
	width := int(float64(columns)*charWidth) + 2*margin
	height := len(lines)*lineHeight + 2*margin + bar
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="%[3]s">
<rect width="%[1]d" height="%[2]d" rx="8" fill="#1c2128"/>
<circle cx="20" cy="18" r="6" fill="#f47067"/><circle cx="40" cy="18" r="6" fill="#f69d50"/><circle cx="60" cy="18" r="6" fill="#8ddb8c"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" fill="#adbac7" xml:space="preserve">
<text x="%[4]d" y="22" text-anchor="middle" fill="#8b949e">%[3]s</text>
`, width, height, html.EscapeString(title), width/2)
	for i, line := range lines {
		drawLine(&b, line, margin+bar+(i+1)*lineHeight-5)
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// drawLine draws runs of one style, each at its column and as wide as its
// characters: so columns stay below one another in any font.
func drawLine(b *strings.Builder, line []cell, y int) {
	for from := 0; from < len(line); {
		to := from
		var text strings.Builder
		for to < len(line) && line[to].style == line[from].style {
			text.WriteRune(line[to].char)
			to++
		}
		if run := strings.TrimSpace(text.String()); run != "" {
			lead := len([]rune(text.String())) - len([]rune(strings.TrimLeft(text.String(), " ")))
			fmt.Fprintf(b, `<text x="%.0f" y="%d" textLength="%.0f"%s>%s</text>`+"\n",
				margin+float64(from+lead)*charWidth, y, float64(len([]rune(run)))*charWidth,
				line[from].attributes(), html.EscapeString(run))
		}
		from = to
	}
}

func (s style) attributes() string {
	var a string
	if s.colour != "" {
		a += ` fill="` + s.colour + `"`
	}
	if s.bold {
		a += ` font-weight="bold"`
	}
	if s.dim {
		a += ` opacity="0.65"`
	}
	return a
}
