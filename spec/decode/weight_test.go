package decode

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// doubling makes n locals, each made of the one before by a template that
// takes it as @.
func doubling(n int, first, each string) map[string]string {
	out := map[string]string{"a0": first}
	for i := 1; i <= n; i++ {
		out[fmt.Sprintf("a%d", i)] = strings.ReplaceAll(each, "@", fmt.Sprintf("local.a%d", i-1))
	}
	return out
}

func merged(a, b map[string]string) map[string]string {
	for k, v := range b {
		a[k] = v
	}
	return a
}

// small takes a part of the usual bounds: the race detector needs long for
// what they allow.
func small(o *Options) {
	o.bounds = bounds{value: 1 << 20, result: 1 << 19, work: 1 << 24}
}

// TestGluttony refuses what would take more memory or time than any machine
// has, with a message at its place, in both syntaxes.
func TestGluttony(t *testing.T) {
	hundred := map[string]string{"l": "range(1000)", "s": `join("", [for i in range(1000) : "0123456789"])`}
	tests := []struct {
		name   string
		locals map[string]string
	}{
		{"width", map[string]string{"x": `format("%1000000000d", 1)`}},
		{"precision", map[string]string{"x": `format("%.1000000000f", 1)`}},
		{"many widths", map[string]string{"x": `format("` + strings.Repeat("%999999d", 20) + `", 1)`}},
		{"width in a list", map[string]string{"x": `formatlist("%1000000000d", [1, 2])`}},
		{"indent", map[string]string{"x": `indent(1000000000, "a\nb")`}},
		{"indent of much", merged(map[string]string{"x": `indent(100000, join("\n", local.l))`}, hundred)},
		{"join", merged(map[string]string{"x": `join(join("", [for i in range(1000) : local.s]), local.l)`}, hundred)},
		{"replace", merged(map[string]string{"x": `replace(local.s, "", replace(local.s, "0", local.s))`}, hundred)},
		{"replace by an expression", merged(map[string]string{"x": `regexreplace(local.s, "", local.s)`}, hundred)},
		{"references in a replacement", merged(map[string]string{"x": `regexreplace(local.s, ".*", replace(local.s, "0", "$0$0$0$0"))`}, hundred)},
		{"setproduct", merged(map[string]string{"x": `setproduct(local.l, local.l, local.l, local.l)`}, hundred)},
		{"range", map[string]string{"x": `range(100000000)`}},
		{"regexall", merged(map[string]string{"x": `regexall("` + strings.Repeat("()", 400) + `", local.s)`}, hundred)},
		{"distinct", merged(map[string]string{"x": `distinct(split("", join("", [for i in range(100) : local.s])))`}, hundred)},
		{"loops", merged(map[string]string{"x": `[for a in local.l : [for b in local.l : [for c in local.l : 1]]]`}, hundred)},
		{"loop over what a loop gives", merged(map[string]string{"x": `[for a in [for b in local.l : local.l] : [for c in a : [for d in a : c]]]`}, hundred)},
		{"loop in a template", merged(map[string]string{"x": `"%{for a in local.l}%{for b in local.l}%{for c in local.l}x%{endfor}%{endfor}%{endfor}"`}, hundred)},
		{"loop over large text", merged(map[string]string{"x": `[for a in local.l : [for b in local.l : "${local.s}${a}"]]`}, hundred)},
		{"functions in a loop", merged(map[string]string{"x": `[for a in local.l : [for b in range(20) : range(1000)]]`}, hundred)},
		{"functions in a loop, tried", merged(map[string]string{"x": `[for a in local.l : [for b in range(20) : try(range(1000), a)]]`}, hundred)},
		{"text that doubles", doubling(60, `"0123456789"`, `"${@}${@}"`)},
		{"lists that double", doubling(60, `["x"]`, `[@, @]`)},
		{"objects that double", doubling(60, `{ x = 1 }`, `{ a = @, b = @ }`)},
		{"lists that double by a function", doubling(60, `["x"]`, `concat(@, @)`)},
		{"numbers that square", doubling(40, `1000000000`, `@ * @`)},
		{"a number of many digits", map[string]string{"x": `tonumber("1e600000000")`}},
		{"YAML of aliases", map[string]string{"x": `yamldecode("a: &a [x,x,x,x,x,x,x,x,x,x]` + yamlLevels() + `")`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var native strings.Builder
			values := map[string]string{}
			for _, name := range sortedKeys(test.locals) {
				fmt.Fprintf(&native, "  %s = %s\n", name, test.locals[name])
				values[name] = "${" + test.locals[name] + "}"
			}
			text, err := json.Marshal(map[string]any{"locals": values})
			if err != nil {
				t.Fatal(err)
			}
			for name, src := range map[string]string{"c.hcl": "locals {\n" + native.String() + "}\n", "c.hcl.json": string(text)} {
				_, ds := load(t, files{name: src}, small)
				if !refusedAsTooMuch(ds) {
					t.Errorf("%s: %.1000v", name, ds)
				}
			}
		})
	}
}

func yamlLevels() string {
	var b strings.Builder
	for c := 'b'; c < 'z'; c++ {
		fmt.Fprintf(&b, `\n%c: &%c [%s]`, c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 10), ","))
	}
	return b.String()
}

func refusedAsTooMuch(ds spec.Diagnostics) bool {
	for _, d := range ds {
		if d.Code == CodeLimit && d.Subject.Start.Line > 0 || strings.Contains(d.Detail, "more than 1024 values") {
			return true
		}
	}
	return false
}

// TestGluttonyElsewhere refuses it in templates, variables, conditions and
// names as well.
func TestGluttonyElsewhere(t *testing.T) {
	const loop = `[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]`
	list := "[" + strings.Repeat("1,", 1000) + "]"
	literal := "[for a in " + list + " : [for b in " + list + " : [for c in " + list + " : 1]]]"
	tests := map[string]files{
		"templatefile": {"c.hcl": "locals {\n x = templatefile(\"t\", { l = range(1000) })\n}",
			"t": "%{for a in l}%{for b in l}%{for c in l}x%{endfor}%{endfor}%{endfor}"},
		"text in templatefile": {"c.hcl": "locals {\n x = templatefile(\"t\", { s = format(\"%1000000d\", 1) })\n}", "t": strings.Repeat("${s}", 100)},
		"default":              {"c.hcl": "variable \"v\" {\n default = " + literal + "\n}"},
		"variables file":       {"c.hcl": "variable \"v\" {}\n", "x.auto.vars.hcl": "v = " + literal},
		"validation":           {"c.hcl": "variable \"v\" {\n default = 1\n validation {\n condition = length(" + loop + ") > var.v\n error_message = \"No.\"\n }\n}"},
		"key":                  {"c.hcl": "service \"a\" {\n command = [\"x\"]\n env = { (jsonencode(" + loop + ")) = 1 }\n}"},
		"each":                 {"c.hcl": "service \"a\" {\n for_each = { a = range(1000) }\n command = [jsonencode([for a in each.value : [for b in each.value : [for c in each.value : 1]]])]\n}"},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, ds := load(t, f, small); !refusedAsTooMuch(ds) {
				t.Errorf("%.1000v", ds)
			}
		})
	}
}

// TestGluttonyLater bounds what is evaluated only once something runs.
func TestGluttonyLater(t *testing.T) {
	s := good(t, files{"c.hcl": "database \"m\" {}\nservice \"a\" {\n command = [\"x\"]\n env = { A = indent(database.m.port * 100000, \"a\\nb\") }\n}"})
	_, err := envOf(t, s.Services[0], "A").Value.Resolve(func(spec.Addr, string) (any, error) { return 5432, nil })
	if err == nil || !strings.Contains(err.Error(), "16 MiB") {
		t.Errorf("error %v", err)
	}
}

// TestHonestValuesAreNotTooLarge accepts what real configurations do.
func TestHonestValuesAreNotTooLarge(t *testing.T) {
	good(t, files{
		"c.hcl": `
locals {
  all    = jsondecode(file("big.json"))
  names  = [for i in range(400) : "host-${i}.${local.all.zone}"]
  pairs  = setproduct(range(100), range(100))
  text   = join(",", local.names)
  table  = { for n in local.names : n => upper(n) }
  many   = flatten([for n in range(100) : [for m in range(100) : "${n}-${m}-${local.all.zone}"]])
  padded = [for n in local.names : format("%-60s|%08.3f", n, 1.5)]
  yaml   = yamldecode("base: &b {a: 1, b: [1, 2]}\nx: *b\ny: *b\nz:\n  - *b\n  - *b\n")
  lines  = indent(8, replace(local.text, ",", "\n"))
}
service "a" {
  for_each = toset(slice(local.names, 0, 300))
  command  = ["x", each.key, local.all.zone]
  env      = merge(local.all.env, { NAMES = local.text, N = length(keys(local.table)) })
}`,
		"big.json": `{"zone": "example", "filler": "` + strings.Repeat("x", 100<<10) + `", "env": {"A": "1"}}`,
	})
}

// TestEstimates compares estimates with what functions give.
func TestEstimates(t *testing.T) {
	str := cty.StringVal
	list := cty.ListVal([]cty.Value{str("ab"), str("cd"), str("ef")})
	table := pureFunctions()
	tests := []struct {
		name string
		args []cty.Value
	}{
		{"format", []cty.Value{str("%-20s|%08d|%s"), str("abc"), cty.NumberIntVal(7), str("tail")}},
		{"formatlist", []cty.Value{str("%30s"), list}},
		{"join", []cty.Value{str("--------"), list}},
		{"replace", []cty.Value{str("a-b-c-d"), str("-"), str("++++++++")}},
		{"replace", []cty.Value{str("abc"), str(""), str("++++++++")}},
		{"regexreplace", []cty.Value{str("abcdef"), str(".*"), str("$0$0$0")}},
		{"regexreplace", []cty.Value{str("abc"), str(""), str("xxxx")}},
		{"indent", []cty.Value{cty.NumberIntVal(9), str("a\nb\nc")}},
	}
	for _, test := range tests {
		v, err := table[test.name].Call(test.args)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		given := 0
		for _, a := range test.args {
			given += weightOf(a, 1<<20)
		}
		if w := weightOf(v, 1<<20); estimate(test.name, test.args)+given < w {
			t.Errorf("%s gives %d and was estimated at %d", test.name, w, estimate(test.name, test.args))
		}
	}
	for name := range table { // nothing known is nothing to estimate
		for n := range 4 {
			if w := estimate(name, make([]cty.Value, n)[:0]); w > 1<<20 {
				t.Errorf("%s of nothing: %d", name, w)
			}
			unknown := []cty.Value{cty.DynamicVal, cty.NullVal(cty.String), cty.UnknownVal(cty.List(cty.String)), cty.True.Mark(1)}[:n]
			if w := estimate(name, unknown); w > 1<<20 {
				t.Errorf("%s of unknown values: %d", name, w)
			}
		}
	}
}
