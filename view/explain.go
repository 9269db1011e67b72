package view

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Explained is what is told about a code. It has the form of
// decode.Explanation, which the views must not know.
type Explained struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Text  string `json:"text"`
	Wrong string `json:"wrong"`
	Right string `json:"right"`
}

// Explanation writes one explanation.
func Explanation(w io.Writer, e Explained, asJSON bool, o TextOptions) error {
	if asJSON {
		return writeJSON(w, struct {
			FormatVersion string `json:"format_version"`
			Explained
		}{"1.0", e})
	}
	i := ink(o.Colour)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n", i.bold(e.Code), i.bold(e.Title))
	for paragraph := range strings.SplitSeq(strings.TrimSpace(e.Text), "\n\n") {
		for _, line := range wrap(paragraph, max(o.Width, 20)) {
			b.WriteString(line + "\n")
		}
		b.WriteString("\n")
	}
	example := func(title, code string, paint func(string) string) {
		if code == "" {
			return
		}
		b.WriteString(paint(title) + "\n\n")
		for line := range strings.SplitSeq(strings.TrimSpace(code), "\n") {
			b.WriteString(strings.TrimRight("    "+line, " ") + "\n")
		}
		b.WriteString("\n")
	}
	example("Wrong:", e.Wrong, i.red)
	example("Right:", e.Right, i.green)
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n")
	return err
}

// Explanations lists codes with their titles.
func Explanations(w io.Writer, all []Explained, asJSON bool, o TextOptions) error {
	if asJSON {
		return writeJSON(w, struct {
			FormatVersion string      `json:"format_version"`
			Codes         []Explained `json:"codes"`
		}{"1.0", all})
	}
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "%s  %s\n", ink(o.Colour).bold(e.Code), e.Title)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeJSON writes what a command reports as --json has it.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(data(w))
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
