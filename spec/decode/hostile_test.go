package decode

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// world declares something of every sort that a hostile expression names.
const world = `
variable "vague" {}
variable "secret" {
  sensitive = true
  default   = "a secret value"
}
database "managed" {}
service "auto" {
  command = ["x"]
  port    = "auto"
}
service "many" {
  for_each = { a = 1, b = 2 }
  command  = ["x"]
  port     = "auto"
}
`

// hostile are the values that every attribute of the language must survive:
// marked, unknown, null and of every wrong type.
var hostile = []string{
	`null`, `true`, `12.5`, `-1`, `1e300`, `""`, `"x"`, `"auto"`, `[]`, `{}`, `[null]`, `{ a = null }`, `[[["x"]]]`,
	`{ a = { b = [1] } }`, `sensitive("x")`, `sensitive(null)`, `sensitive(["x"])`, `sensitive({ a = "x" })`,
	`[sensitive("x")]`, `{ a = sensitive("x") }`, `{ a = sensitive(null) }`, `var.vague`, `[var.vague]`, `{ a = var.vague }`,
	`tolist(var.vague)`, `sensitive(var.vague)`, `"${var.vague}-x"`, `var.secret`, `"${var.secret}"`, `[var.secret]`,
	`toset(["x"])`, `toset(var.vague)`, `{ (var.secret) = "x" }`, `{ (var.vague) = 1 }`,
	`database.managed.url`, `[database.managed.url]`, `{ a = database.managed.url }`, `{ (database.managed.url) = 1 }`,
	`service.auto.port`, `service.auto`, `service.many`, `service.many["a"].port`, `service.many["c"].port`,
	`[for s in service.many : s.url]`, `{ for k, s in service.many : k => s.url }`, `service.many[var.vague].port`,
	`service.many[database.managed.url].port`, `self`, `self.port`, `self.url`, `each.key`, `service`, `database`, `var`, `local`,
	`host.cpus`, `host.memory_used`, `nothing.at.all`, `env("NO_SUCH_VARIABLE")`, `env(var.vague)`, `env(database.managed.url)`,
	`file(database.managed.url)`, `templatefile("nothing", {})`, `jsondecode("{")`, `try(nothing.here, 1)`, `1 / 0`, `"a" + 1`,
	`[service.auto]`, `[service.many]`, `[service.many[each.key].stop]`, `[service.auto.ready]`, `[service.auto.gc]`,
	`[signal(service.auto, "SIGHUP")]`, `[signal(service.auto)]`, `[signal()]`, `[signal(service.auto, var.vague)]`,
	`[signal(service.auto, var.secret)]`, `[run(task.x, [1, null])]`, `service.auto.memory`, `"${"\u0000"}"`,
}

// attributePath is one attribute of the language: the blocks around it, and
// its name.
type attributePath struct {
	blocks []Field
	attr   Field
}

func attributePaths() []attributePath {
	var out []attributePath
	var walk func(path []Field, st *Structure)
	walk = func(path []Field, st *Structure) {
		for _, a := range st.Attributes {
			out = append(out, attributePath{append([]Field(nil), path...), a})
		}
		for _, b := range st.Blocks {
			walk(append(append([]Field(nil), path...), b), b.Block())
		}
	}
	for _, f := range Language() {
		walk([]Field{f}, f.Block())
	}
	return out
}

func (p attributePath) String() string {
	var names []string
	for _, b := range p.blocks {
		names = append(names, b.Name)
	}
	return strings.Join(append(names, p.attr.Name), ".")
}

// native writes a block with the attribute set to an expression, beside the
// attributes that are required.
func (p attributePath) native(label, expr string) string {
	var b strings.Builder
	for i, block := range p.blocks {
		b.WriteString(block.Name)
		if block.Label != "" {
			fmt.Fprintf(&b, " %q", label)
		}
		b.WriteString(" {\n")
		for _, a := range block.Block().Attributes {
			last := i == len(p.blocks)-1
			switch {
			case last && a.Name == p.attr.Name:
				fmt.Fprintf(&b, "%s = %s\n", a.Name, expr)
			case a.Required:
				fmt.Fprintf(&b, "%s = %s\n", a.Name, sample(a))
			}
		}
	}
	return b.String() + strings.Repeat("}\n", len(p.blocks))
}

// sample is a value that an attribute takes.
func sample(a Field) string {
	switch a.Type {
	case "command", "list(string)":
		return `["true"]`
	case "bool":
		return "true"
	case "metric":
		return "service.auto.memory"
	case "list of actions":
		return "[service.auto.restart]"
	case "host:port":
		return `"127.0.0.1:1"`
	}
	return `"http://localhost:1"`
}

// json writes the same in JSON, where values are templates.
func (p attributePath) json(label, expr string) any {
	value := any("${" + expr + "}")
	var raw any
	if json.Unmarshal([]byte(expr), &raw) == nil {
		value = raw
	}
	for i := len(p.blocks) - 1; i >= 0; i-- {
		body := map[string]any{}
		for _, a := range p.blocks[i].Block().Attributes {
			if a.Required {
				body[a.Name] = sample(a)
			}
		}
		if i == len(p.blocks)-1 {
			body[p.attr.Name] = value
		} else {
			body[p.blocks[i+1].Name] = value
		}
		value = body
		if p.blocks[i].Label != "" {
			value = map[string]any{label: body}
		}
	}
	return map[string]any{p.blocks[0].Name: value}
}

// lookups are what the engine may answer, right or wrong.
var lookups = []spec.Lookup{
	func(spec.Addr, string) (any, error) { return nil, errors.New("not there") },
	func(spec.Addr, string) (any, error) { return "x", nil },
	func(spec.Addr, string) (any, error) { return 80, nil },
	func(spec.Addr, string) (any, error) { return spec.Sensitive("hidden"), nil },
	func(spec.Addr, string) (any, error) { return map[string]int{"a": 1}, nil },
	func(spec.Addr, string) (any, error) { return struct{}{}, nil },
}

// resolveAll resolves every expression in a system with every lookup.
func resolveAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			resolveAll(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			resolveAll(v.Index(i))
		}
	case reflect.Struct:
		if m := v.MethodByName("Resolve"); m.IsValid() {
			for _, l := range lookups {
				m.Call([]reflect.Value{reflect.ValueOf(l)})
			}
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				resolveAll(v.Field(i))
			}
		}
	}
}

// TestHostileValues puts every hostile value in every attribute of the
// language, in both syntaxes. Nothing may panic, here or when the values that
// come out are resolved, and no secret may stand in a message.
func TestHostileValues(t *testing.T) {
	paths := attributePaths()
	if len(paths) < 200 {
		t.Fatalf("only %d attributes found", len(paths))
	}
	types := new(structures)
	for _, p := range paths {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			for _, batch := range p.batches() {
				var native, needy strings.Builder
				var blocks []any
				for i, expr := range batch {
					label := fmt.Sprintf("x%d", i)
					native.WriteString(p.native(label, expr))
					if asksWorld(expr) {
						needy.WriteString(p.native(label, expr))
					}
					blocks = append(blocks, p.json(label, expr))
				}
				text, err := json.Marshal(blocks)
				if err != nil {
					t.Fatal(err)
				}
				if len(batch) == 1 { // literals only, whatever else there is
					survive(t, types, files{"x.hcl": native.String()}, false)
					survive(t, types, files{"x.hcl.json": string(text)}, false)
					continue
				}
				survive(t, types, files{"w.hcl": world, "x.hcl": native.String()}, false)
				survive(t, types, files{"w.hcl": world, "x.hcl": needy.String()}, true)
				survive(t, types, files{"w.hcl": world, "x.hcl.json": string(text)}, false)
			}
		})
	}
}

// asksWorld reports whether a value depends on variables being required: it
// names one without a value, or calls a function that needs to know more.
func asksWorld(expr string) bool {
	return strings.Contains(expr, "vague") || strings.Contains(expr, "env(") || strings.Contains(expr, "file(")
}

// batches puts the values that can stand in one configuration together: where
// the block has a label, all of them.
func (p attributePath) batches() [][]string {
	if p.blocks[0].Label != "" {
		return [][]string{hostile}
	}
	var out [][]string
	for _, expr := range hostile {
		out = append(out, []string{expr})
	}
	return out
}

func survive(t *testing.T, types *structures, f files, require bool) {
	t.Helper()
	res, ds := Load(Options{types: types, Path: ".", Dir: "/c", FS: f, Environ: []string{}, LookupEnv: noEnv, RequireVariables: require,
		Host: &Host{CPUs: 2, Memory: 8e9, Hostname: "h"}})
	for _, d := range ds {
		if strings.Contains(d.Error(), "a secret value") {
			t.Errorf("a secret stands in %q", d.Error())
		}
		if d.Code == "" || d.Summary == "" || d.Detail == "" {
			t.Errorf("incomplete diagnostic %+v", d)
		}
	}
	if res.System == nil {
		t.Fatal("no system")
	}
	resolveAll(reflect.ValueOf(res.System))
}
