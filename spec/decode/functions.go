package decode

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions are the functions of the language: none of them impure, so that
// a plan is the same every time. What env and the functions that read files
// answered is kept, so that a value that is evaluated only later sees the
// same world as the plan did.
type functions struct {
	l       *loader
	context *hcl.EvalContext

	mu      sync.Mutex
	answers map[string]answer // guarded by mu
	sealed  bool              // guarded by mu

	// spent is the weight of all that was computed.
	spent atomic.Int64
}

// answer is what the world outside said to a function.
type answer struct {
	value cty.Value
	err   error
}

func newFunctions(l *loader) *functions {
	f := &functions{l: l, answers: map[string]answer{}}
	table := pureFunctions()
	table["env"] = f.env()
	table["file"] = f.file()
	table["fileexists"] = f.fileExists()
	table["sensitive"] = f.sensitive()
	table["nonsensitive"] = nonsensitive()
	table["issensitive"] = issensitive()
	f.context = &hcl.EvalContext{Functions: map[string]function.Function{}}
	for name, fn := range table {
		table[name] = f.bound(name, fn)
	}
	maps.Copy(f.context.Functions, table)
	f.context.Functions["templatefile"] = f.bound("templatefile", f.templateFile(table))
	return f
}

// remember returns the answer that was given to a question before, or asks.
func (f *functions) remember(question string, ask func() (cty.Value, error)) (cty.Value, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	got, ok := f.answers[question]
	switch {
	case ok:
	case f.sealed:
		return cty.NilVal, &codedError{CodeUnknown, "this was not asked at plan time, and files and the environment are read only then"}
	default:
		got.value, got.err = ask()
		f.answers[question] = got
	}
	return got.value, got.err
}

// pureFunctions are those that look at their arguments only.
func pureFunctions() map[string]function.Function {
	out := map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc,
		"log": stdlib.LogFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc,
		"parseint": stdlib.ParseIntFunc, "pow": stdlib.PowFunc, "signum": stdlib.SignumFunc,
		"int": stdlib.IntFunc,

		"chomp": stdlib.ChompFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc,
		"indent": stdlib.IndentFunc, "join": stdlib.JoinFunc, "lower": stdlib.LowerFunc,
		"regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc, "replace": stdlib.ReplaceFunc,
		"regexreplace": stdlib.RegexReplaceFunc, "split": stdlib.SplitFunc, "strlen": stdlib.StrlenFunc,
		"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc,
		"trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimsuffix": stdlib.TrimSuffixFunc,
		"trimspace": stdlib.TrimSpaceFunc, "upper": stdlib.UpperFunc,

		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc,
		"coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc,
		"contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc,
		"flatten": stdlib.FlattenFunc, "hasindex": stdlib.HasIndexFunc, "keys": stdlib.KeysFunc,
		"length": lengthFunction, "lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc,
		"range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc,
		"setintersection": stdlib.SetIntersectionFunc, "setproduct": stdlib.SetProductFunc,
		"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc,
		"sort": stdlib.SortFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,

		"csvdecode": stdlib.CSVDecodeFunc, "jsondecode": stdlib.JSONDecodeFunc,
		"jsonencode": stdlib.JSONEncodeFunc, "yamldecode": yaml.YAMLDecodeFunc, "yamlencode": yaml.YAMLEncodeFunc,
		"formatdate": stdlib.FormatDateFunc, "timeadd": stdlib.TimeAddFunc,

		"try": tryfunc.TryFunc, "can": tryfunc.CanFunc,
		"tobool":   stdlib.MakeToFunc(cty.Bool),
		"tolist":   stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
		"tomap":    stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"tonumber": stdlib.MakeToFunc(cty.Number),
		"toset":    stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tostring": stdlib.MakeToFunc(cty.String),
	}
	addTextFunctions(out)
	return out
}

// secretWords mark the names of environment variables whose values are
// secret.
var secretWords = []string{"PASS", "SECRET", "TOKEN", "KEY", "DSN", "WEBHOOK", "DATABASE_URL"}

// secretName reports whether a variable of this name holds a secret.
func secretName(name string) bool {
	upper := strings.ToUpper(name)
	for _, w := range secretWords {
		if strings.Contains(upper, w) {
			return true
		}
	}
	return false
}

// isName reports whether s may name an environment variable.
func isName(s string) bool {
	if s == "" {
		return false
	}
	for _, r := range s {
		if r == '=' || r == 0 || unicode.IsControl(r) {
			return false
		}
	}
	return true
}
