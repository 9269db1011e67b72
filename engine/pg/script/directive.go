package script

import "strings"

// Directive is a line of a file that tells syndicate something:
//
//	-- syndicate: allow LOCK001 the table is small
type Directive struct {
	Line int    // from 1
	Name string // its first word: allow
	Args string // the rest: LOCK001 the table is small
}

// directiveMark begins a directive, at the beginning of a line.
const directiveMark = "-- syndicate:"

// Directives returns those of a file, in order. What stands inside of a
// string or a body is none.
func Directives(text string) []Directive {
	if !strings.Contains(text, directiveMark) {
		return nil
	}
	var all []Directive
	at, line := 0, 1
	gap := func(end int) {
		for part := range strings.Lines(text[at:end]) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(part), directiveMark); ok {
				name, args, _ := strings.Cut(strings.TrimSpace(rest), " ")
				all = append(all, Directive{Line: line, Name: name, Args: strings.TrimSpace(args)})
			}
			line += strings.Count(part, "\n")
		}
	}
	for t := range Tokens(text) {
		gap(t.Offset)
		line += strings.Count(t.Text, "\n")
		at = t.Offset + len(t.Text)
	}
	gap(len(text))
	return all
}
