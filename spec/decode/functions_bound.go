package decode

import (
	"fmt"
	"math"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// bound keeps a function from giving more than a configuration can use: what
// it would give is estimated before it is called, for the functions whose
// results can be much larger than their arguments, and counted after.
func (f *functions) bound(name string, fn function.Function) function.Function {
	if name == "try" || name == "can" {
		return fn // they evaluate their arguments themselves
	}
	return function.New(&function.Spec{
		Description: fn.Description(), Params: fn.Params(), VarParam: fn.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if f.spent.Load() > int64(f.l.bounds.work) {
				return cty.NilType, &codedError{CodeLimit, f.l.tooMuch()}
			}
			if w := estimate(name, args); w > f.l.bounds.result {
				return cty.NilType, f.tooLarge(name)
			}
			return fn.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := fn.Call(args)
			if err != nil {
				return v, err
			}
			w := weightOf(v, f.l.bounds.value)
			if w > f.l.bounds.value {
				return cty.NilVal, f.tooLarge(name)
			}
			f.spent.Add(int64(w))
			return v, nil
		},
	})
}

func (f *functions) tooLarge(name string) error {
	return &codedError{CodeLimit, fmt.Sprintf(
		"the result would be larger than %d MiB, the most that a function gives: use smaller values, or a file; %s is for short ones", f.l.bounds.result>>20, name)}
}

// estimate returns about how large the result of a function will be, and 0
// for those that never give much more than they get.
func estimate(name string, args []cty.Value) int {
	a := arguments(args)
	switch name {
	case "format":
		return a.format(0)
	case "formatlist":
		most := 1
		for i := range args {
			most = max(most, a.count(i))
		}
		return times(a.format(0), most)
	case "join":
		n := 0
		for i := 1; i < len(args); i++ {
			n += a.count(i)
		}
		return times(n, len(a.text(0)))
	case "replace":
		return times(strings.Count(a.text(0), a.text(1)), len(a.text(2)))
	case "regexreplace":
		// Each reference in the replacement gives at most the whole text.
		refs := strings.Count(a.text(2), "$")
		return times(len(a.text(0))+1, len(a.text(2))-refs) + times(refs, len(a.text(0)))
	case "regexall":
		return times(len(a.text(1))+1, valueWeight*(1+strings.Count(a.text(0), "(")))
	case "indent":
		return times(a.number(0), strings.Count(a.text(1), "\n")+1)
	case "split":
		return times(valueWeight, strings.Count(a.text(1), a.text(0)))
	case "setproduct":
		n := valueWeight * len(args)
		for i := range args {
			n = times(n, a.count(i))
		}
		return n
	case "distinct", "setintersection", "setsubtract", "setunion":
		n := 0 // compares each with each
		for i := range args {
			n += a.count(i)
		}
		return times(n, n) / 8
	case "yamldecode":
		return yamlWeight(a.text(0))
	}
	return 0
}

// arguments reads what is known of a function's arguments.
type arguments []cty.Value

func (a arguments) text(i int) string {
	if i >= len(a) {
		return ""
	}
	s, _ := literalString(a[i])
	return s
}

func (a arguments) number(i int) int {
	if i >= len(a) {
		return 0
	}
	n, err := floatOf(a[i])
	if err != nil || n < 0 {
		return 0
	}
	return int(min(n, math.MaxInt32))
}

func (a arguments) count(i int) int {
	if i >= len(a) {
		return 0
	}
	v, _ := a[i].Unmark()
	if !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return 0
	}
	return v.LengthInt()
}

// maxWidth is the largest width or precision that format pads to.
const maxWidth = 1 << 16

// format returns how large a formatted text becomes: every verb may have a
// width, a precision, and the largest of the values.
func (a arguments) format(i int) int {
	text, largest := a.text(i), 0
	for _, v := range a[min(i+1, len(a)):] {
		largest = max(largest, weightOf(v, math.MaxInt32))
	}
	n := len(text)
	for j, number := 0, 0; j < len(text); j++ {
		switch c := text[j]; {
		case c == '%':
			n = plus(n, largest)
		case '0' <= c && c <= '9':
			number = min(number*10+int(c-'0'), math.MaxInt32)
			continue
		}
		if number > maxWidth {
			return math.MaxInt32
		}
		n, number = plus(n, number), 0
	}
	return n
}

// times multiplies sizes, up to a bound.
func times(a, b int) int {
	a, b = max(a, 0), max(b, 0)
	if a != 0 && b > math.MaxInt32/a {
		return math.MaxInt32
	}
	return a * b
}

func plus(a, b int) int { return min(a+b, math.MaxInt32) }

// yamlWeight returns an upper bound of what a YAML text expands to: where an
// alias stands, all stands again that its anchor covers. A line counts as
// one, and an anchor covers its own line and those below that are indented
// more.
func yamlWeight(text string) int {
	type anchor struct{ weight, indent int }
	anchors, total := map[string]*anchor{}, 0
	open := map[string]*anchor{}
	for line := range strings.Lines(text) {
		body := strings.TrimLeft(line, " -\t")
		if strings.TrimSpace(body) == "" {
			continue
		}
		indent := len(line) - len(body)
		for name, a := range open {
			if indent <= a.indent {
				delete(open, name)
			}
		}
		grow := func(n int) {
			total = plus(total, n)
			for _, a := range open {
				a.weight = plus(a.weight, n)
			}
		}
		grow(1)
		for i := 0; i < len(line); i++ {
			if line[i] != '&' && line[i] != '*' || i > 0 && !strings.ContainsRune(" \t-[{,:?", rune(line[i-1])) {
				continue
			}
			end := i + 1
			for end < len(line) && !strings.ContainsRune(" \t\r\n,[]{}", rune(line[end])) {
				end++
			}
			name := line[i+1 : end]
			if line[i] == '&' {
				anchors[name] = &anchor{weight: 1, indent: indent}
				open[name] = anchors[name]
			} else if a := anchors[name]; a != nil {
				grow(a.weight)
			}
			i = end - 1
		}
	}
	return times(total, valueWeight)
}
