package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// allowance is a line of a file that accepts findings:
//
//	-- syndicate: allow L301, L302 no release reads it since 2.3
//
// Above a statement it is for that statement. At the head of a file, with an
// empty line or a BEGIN below it, it is for the whole file.
type allowance struct {
	codes  []string
	reason string
	line   int // from 1
	offset int
	// for the statement that begins here; -1: for the whole file
	statement int
}

// usedKey names one code of an allowance.
func usedKey(s *source, a *allowance, code string) string {
	return fmt.Sprintf("%s:%d %s", s.Path, a.line, code)
}

// allowances returns those of a file.
func allowances(s *source, statements []script.Statement) []*allowance {
	var all []*allowance
	for _, d := range script.Directives(s.Text) {
		if d.Name != "allow" {
			continue
		}
		a := &allowance{line: d.Line, offset: s.lines[d.Line-1], statement: -1}
		a.codes, a.reason = codes(d.Args)
		first := true
		for _, st := range statements {
			// The statement below, or the one that the line stands in.
			if st.Line > d.Line || st.Line <= d.Line && d.Line <= st.Line+strings.Count(st.Text, "\n") {
				if !first || !opensTransaction(st) && !emptyBetween(s, d.Line, st.Line) {
					a.statement = st.Offset
				}
				break
			}
			first = false
		}
		all = append(all, a)
	}
	return all
}

func opensTransaction(st script.Statement) bool {
	return len(st.Words) > 0 && (st.Words[0] == "begin" || st.Words[0] == "start")
}

// emptyBetween reports whether one of the lines between two is empty.
func emptyBetween(s *source, from, to int) bool {
	for line := from + 1; line < to; line++ {
		if strings.TrimSpace(s.Text[s.lines[line-1]:s.lines[line]]) == "" {
			return true
		}
	}
	return false
}

// codes splits "L101, L302 why" into its codes and its reason.
func codes(args string) (list []string, reason string) {
	rest := args
	for {
		rest = strings.TrimLeft(rest, " \t,")
		word, after, _ := strings.Cut(rest, " ")
		code, more, split := strings.Cut(word, ",")
		if split {
			after = more + " " + after
		}
		if len(list) > 0 && !looksLikeCode(code) || code == "" {
			return list, strings.TrimSpace(rest)
		}
		list = append(list, strings.ToUpper(code))
		rest = after
	}
}

// looksLikeCode reports whether a word has the form of a code: L101.
func looksLikeCode(word string) bool {
	return len(word) == 4 && (word[0] == 'L' || word[0] == 'l') &&
		strings.Trim(word[1:], "0123456789") == ""
}

// accept returns why a file accepts a finding.
func (c *checker) accept(s *source, f Finding) (reason string, ok bool) {
	for _, a := range s.allowances {
		if slices.Contains(a.codes, f.Code) && (a.statement < 0 || a.statement == f.statement) {
			c.used[usedKey(s, a, f.Code)] = true
			return a.reason, true
		}
	}
	return "", false
}

// checkAllowances reports those that accept nothing or do not say why.
func (c *checker) checkAllowances(s *source) {
	for _, d := range script.Directives(s.Text) {
		if d.Name == "" {
			c.add(Finding{
				Code: "L902", At: s.token(s.lines[d.Line-1]),
				Detail: "A line that begins with syndicate: and says nothing has no meaning. Write -- syndicate: allow CODE why, or remove it.",
			})
		}
	}
	for _, a := range s.allowances {
		end := a.offset + len(strings.TrimRight(firstLine(s.Text[a.offset:]), " \t\r"))
		at := s.span(a.offset, end)
		if len(a.codes) == 0 || a.reason == "" {
			c.add(Finding{Code: "L902", At: at, Detail: "It does not say what it allows and why: write -- syndicate: allow CODE[, CODE] and the reason."})
		}
		for _, code := range a.codes {
			switch _, known := Explain(code); {
			case !known:
				c.add(Finding{Code: "L902", At: at, Detail: code + " is no finding of migrate lint: see syndicate explain."})
			case c.used[usedKey(s, a, code)]:
			case a.statement >= 0:
				c.add(Finding{Code: "L901", At: at, Detail: "The statement below has no finding " + code + ": remove it from the line. " +
					"An allowance for the whole file stands at its head, with an empty line below."})
			default:
				c.add(Finding{Code: "L901", At: at, Detail: "The file has no finding " + code + ": remove it from the line."})
			}
		}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
