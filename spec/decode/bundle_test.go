package decode

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/spec"
)

// fragments are parts of configurations that ask for something, in the native
// syntax and in JSON. The last ones hold mistakes.
var fragments = []struct{ native, json string }{
	{`variable "n" { default = 3 }`, `{"variable": {"n": {"default": 3}}}`},
	{"variable \"secret\" {\n sensitive = true\n default = \"hush hush\"\n}", `{"variable": {"secret": {"sensitive": true, "default": "hush hush"}}}`},
	{"variable \"list\" {\n type = list(string)\n default = [\"a\"]\n}", `{"variable": {"list": {"type": "list(string)", "default": ["a"]}}}`},
	{`service "one" { command = ["x", "${var.n}"] }`, `{"service": {"one": {"command": ["x", "${var.n}"]}}}`},
	{"service \"env\" {\n command = [\"x\"]\n env = { A = env(\"ASKED\"), B = env(\"UNSET\", \"b\"), C = env(\"API_TOKEN\", \"\") }\n}",
		`{"service": {"env": {"command": ["x"], "env": {"A": "${env(\"ASKED\")}", "B": "${env(\"UNSET\", \"b\")}"}}}}`},
	{"service \"many\" {\n for_each = toset(var.list)\n command = [\"x\", each.key]\n port = \"auto\"\n env_file = [\"a.env\", \"?none.env\"]\n}",
		`{"service": {"many": {"for_each": "${toset(var.list)}", "command": ["x", "${each.key}"], "port": "auto", "env_file": ["a.env", "?none.env"]}}}`},
	{"service \"later\" {\n command = [\"x\"]\n port = \"auto\"\n dir = \"sub\"\n env = {\n A = \"${self.port}-${env(\"ASKED\")}\"\n B = try(regex(\"^9\", self.url), env(\"LATE\"), file(\"text\"))\n C = templatefile(\"t.tpl\", { url = self.url })\n }\n}",
		`{"service": {"later": {"command": ["x"], "port": "auto", "env": {"A": "${self.port}-${env(\"ASKED\")}", "B": "${try(regex(\"^9\", self.url), env(\"LATE\"), file(\"text\"))}", "C": "${templatefile(\"t.tpl\", { url = self.url })}"}}}}`},
	{"service \"inherit\" {\n command = [\"x\"]\n inherit_env = [\"NODE_*\", \"TERM\"]\n env = fileexists(\"text\") ? { T = file(\"text\") } : {}\n}",
		`{"service": {"inherit": {"command": ["x"], "inherit_env": ["NODE_*", "TERM"], "env": {"T": "${fileexists(\"text\")}"}}}}`},
	{"database \"db\" {\n managed {}\n migrations {\n path = \"sub\"\n }\n}", `{"database": {"db": {"managed": {}, "migrations": {"path": "sub"}}}}`},
	{"task \"t\" {\n command = [\"x\"]\n user = \"root\"\n env = { URL = local.url, CPUS = host.cpus }\n}\nlocals { url = service.late.url }\nservice \"late\" {\n command = [\"x\"]\n port = \"auto\"\n memory {\n }\n}",
		`{"task": {"t": {"command": ["x"], "user": "nobody here", "env": {"MEMORY": "${host.memory_total}"}}}}`},
	{`syndicate { name = "named" }`, `{"syndicate": {"name": "named", "state_dir": "state"}}`},
	{"service \"bad\" {\n command = [env(\"UNSET\")]\n dir = \"no-such-dir\"\n env_file = [\"no.env\", \"broken.env\"]\n env = { A = file(\"no\"), B = service.nowhere.url }\n}",
		`{"service": {"bad": {"command": ["${env(\"UNSET\")}"], "dir": "text", "env_file": ["no.env"], "env": {"A": "${file(\"sub\")}"}}}}`},
	{`service "syntax {`, `{"service": {`},
	{"service \"loop\" {\n command = [\"x\"]\n port = \"auto\"\n env = { A = join(\",\", [for p in split(\":\", self.url) : env(p)]), B = try(regex(\"x\", self.url), env(self.url)) }\n}",
		`{"service": {"many": {}}}`},
}

// drawnWorld is a configuration with the world around it.
type drawnWorld struct {
	files   files
	env     map[string]string
	options Options
}

func drawConfiguration(t *rapid.T) drawnWorld {
	d := drawnWorld{files: files{}, env: map[string]string{}}
	for i, f := range fragments {
		switch rapid.IntRange(0, 3).Draw(t, "fragment") {
		case 0:
			d.files[fmt.Sprintf("f%d.hcl", i)] = f.native
		case 1:
			d.files[fmt.Sprintf("f%d.hcl.json", i)] = f.json
		}
	}
	if rapid.Bool().Draw(t, "hostile") {
		p := rapid.SampledFrom(attributePaths()).Draw(t, "attribute")
		expr := rapid.SampledFrom(hostile).Draw(t, "value")
		d.files["w.hcl"], d.files["x.hcl"] = world, p.native("x", expr)
		if rapid.Bool().Draw(t, "in JSON") {
			text, err := json.Marshal(p.json("x", expr))
			if err != nil {
				t.Fatal(err)
			}
			delete(d.files, "x.hcl")
			d.files["x.hcl.json"] = string(text)
		}
	}
	texts := map[string]string{
		"a.env": "A=1\nB='two'\n", "broken.env": "no line\n", "text": "some text", "sub/x.sql": "SELECT 1",
		"t.tpl": "${url} %{ for c in split(\"\", url) }${file(\"text\")}${env(\"LATE\", c)}%{ endfor }", "v.auto.vars.hcl": "n = 4\nunknown = 5\n",
		"p.vars.hcl": "list = [\"p\", \"q\"]", "broken.vars.hcl": "list = [",
	}
	for _, name := range sortedKeys(texts) {
		if rapid.IntRange(0, 3).Draw(t, name) > 0 {
			d.files[name] = texts[name]
		}
	}
	var environ []string
	values := map[string]string{
		"ASKED": "answer", "LATE": "fallback", "API_TOKEN": "hush hush hush", "NODE_ENV": "test", "TERM": "dumb", "PATH": "/bin", "OTHER": "x",
		"SYNDICATE_VAR_n": "7", "SYNDICATE_VAR_list": `["e", "f"]`, "SYNDICATE_VAR_other": "8",
	}
	for _, name := range sortedKeys(values) {
		if rapid.Bool().Draw(t, name) {
			d.env[name] = values[name]
			environ = append(environ, name+"="+values[name])
		}
	}
	root := rapid.Bool().Draw(t, "root")
	d.options = Options{
		Path: rapid.SampledFrom([]string{"", ".", "/c", "/c/f3.hcl", "nowhere"}).Draw(t, "path"), Dir: "/c",
		FS: d.files, Environ: append([]string{}, environ...),
		LookupEnv:        func(name string) (string, bool) { v, ok := d.env[name]; return v, ok },
		RequireVariables: rapid.Bool().Draw(t, "require"), Host: &Host{CPUs: 3, Memory: 9e9, Limit: 2e9, Hostname: "here"}, Superuser: &root,
		StateDir: rapid.SampledFrom([]string{"", "elsewhere", "/var/state"}).Draw(t, "state directory"),
		LookupUser: func(name string) error {
			if name != "root" {
				return fmt.Errorf("user: unknown user %s", name)
			}
			return nil
		},
	}
	d.options.Vars = rapid.SliceOfN(rapid.SampledFrom([]Assignment{
		{Name: "n", Value: "9"}, {Name: "list", Value: `["x"]`}, {Name: "list", Value: `[`}, {Name: "secret", Value: "hushed up"},
		{Name: "nothing", Value: ""}, {File: "p.vars.hcl"}, {File: "broken.vars.hcl"}, {File: "/c/none.vars.hcl"},
	}), 0, 4).Draw(t, "assignments")
	if rapid.Bool().Draw(t, "ports") {
		d.options.Ports = map[string]int{"service.later": 9001, `service.many["a"]`: 9002, "database.db": 9003}
	}
	return d
}

// TestReplayIsRecord holds that a replayed bundle is the same system, with the
// same diagnostics and the same values once something runs, and that Record
// is Load.
func TestReplayIsRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawConfiguration(t)
		over := make(chan struct{})
		d.options.FS = watched{d.files, over}
		look := d.options.LookupEnv
		d.options.LookupEnv = func(name string) (string, bool) {
			watched{done: over}.ask("environment variable " + name)
			return look(name)
		}
		loaded, loadedDs := Load(d.options)
		recorded, recordedDs, b := Record(d.options)
		close(over)
		same(t, "Record", loaded, recorded, loadedDs, recordedDs)
		data := b.Bytes()
		replayed, replayedDs := Replay(data, Override{})
		if diff := cmp.Diff(recorded.Questions, replayed.Questions, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("questions: %s", diff)
		}
		same(t, "Replay", recorded, replayed, recordedDs, replayedDs)
		if again := b.Bytes(); string(again) != string(data) || len(data) != b.size {
			t.Errorf("%d bytes, then %d, measured %d", len(data), len(again), b.size)
		}
		if text := fmt.Sprintf("%v %+v %#v", b, b, b); strings.Contains(text, "hush") {
			t.Errorf("a bundle prints as %s", text)
		}
		// Ports that are chosen meanwhile make values known, and ask nothing.
		ports := map[string]int{"service.later": 9001, "service.late": 9004, "service.auto": 9005}
		if _, ds := Replay(data, Override{Ports: ports}); !recordedDs.HasErrors() && ds.HasErrors() {
			t.Errorf("with ports: %v", ds)
		}
	})
}

// TestAnswerIsLoad holds that a bundle made of an earlier decoding's questions
// is the system that decoding gives now, or that Replay complains.
func TestAnswerIsLoad(t *testing.T) {
	enough := 0
	rapid.Check(t, func(t *rapid.T) {
		d := drawConfiguration(t)
		first, _, _ := Record(d.options)
		for _, name := range sortedKeys(d.files) {
			switch rapid.IntRange(0, 11).Draw(t, "change "+name) {
			case 0:
				delete(d.files, name)
			case 1:
				d.files[name] += "\n"
			}
		}
		added := rapid.SampledFrom([]string{"", "NODE_NEW", "BUNDLE_NEW", "SYNDICATE_VAR_n", "PATH", "ASKED"}).Draw(t, "added")
		if _, ok := d.env[added]; added != "" && !ok {
			d.env[added] = "5"
			d.options.Environ = append(d.options.Environ, added+"=5")
		}
		if rapid.IntRange(0, 3).Draw(t, "new file") == 0 {
			d.files["new.hcl"] = "service \"new\" {\n command = [\"x\"]\n inherit_env = [\"BUNDLE_*\"]\n}"
		}
		b := Answer(d.options, first.Questions)
		loaded, loadedDs := Load(d.options)
		if b == nil {
			t.Fatalf("no bundle of %+v", first.Questions)
		}
		replayed, replayedDs := Replay(b.Bytes(), Override{})
		if slices.ContainsFunc(replayedDs, func(d spec.Diagnostic) bool { return d.Summary == "Answer is not in the bundle" }) {
			return
		}
		enough++
		same(t, "Answer", loaded, replayed, loadedDs, replayedDs)
	})
	if enough == 0 {
		t.Error("no bundle was ever enough")
	}
}

// A bundle of answers is none where the configuration is another one, or
// where what was a file is none any more.
func TestNoAnswer(t *testing.T) {
	fs := files{"a.hcl": "service \"a\" {\n command = [\"x\"]\n}"}
	res, _, _ := Record(Options{Dir: "/c", FS: fs})
	if b := Answer(Options{Dir: "/c", Path: "/d", FS: fs}, res.Questions); b != nil {
		t.Error("it answers for another path")
	}
	if b := Answer(Options{Dir: "/c", FS: fs}, res.Questions); b == nil {
		t.Error("it does not answer for the same one")
	}
	huge := files{"a.hcl": strings.Repeat("#", maxFile+1)}
	if b := Answer(Options{Dir: "/c", FS: huge}, res.Questions); b != nil {
		t.Error("it reads a file that is too large")
	}
}

// watched is a file system that must not be asked once done is closed.
type watched struct {
	FS
	done chan struct{}
}

func (w watched) ask(what string) {
	select {
	case <-w.done:
		panic("asked for " + what + " after decoding")
	default:
	}
}

func (w watched) ReadFile(path string) ([]byte, error) { w.ask(path); return w.FS.ReadFile(path) }

func (w watched) ReadDir(path string) ([]fs.DirEntry, error) { w.ask(path); return w.FS.ReadDir(path) }

func (w watched) Stat(path string) (fs.FileInfo, error) { w.ask(path); return w.FS.Stat(path) }

// reporter is what *testing.T and *rapid.T share.
type reporter interface {
	Helper()
	Fatalf(string, ...any)
}

func same(t reporter, what string, a, b *Result, aDs, bDs spec.Diagnostics) {
	t.Helper()
	if diff := cmp.Diff(aDs, bDs, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s: diagnostics: %s", what, diff)
	}
	if diff := cmp.Diff(a.Sources, b.Sources); diff != "" {
		t.Fatalf("%s: sources: %s", what, diff)
	}
	functions := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() != nil && p.Last().Type().Kind() == reflect.Func },
		cmp.Comparer(func(x, y any) bool { return reflect.ValueOf(x).IsNil() == reflect.ValueOf(y).IsNil() }))
	all := cmp.Exporter(func(reflect.Type) bool { return true })
	if diff := cmp.Diff(a.System, b.System, all, functions, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s: system: %s", what, diff)
	}
	if diff := cmp.Diff(resolved(reflect.ValueOf(a.System)), resolved(reflect.ValueOf(b.System))); diff != "" {
		t.Fatalf("%s: resolved: %s", what, diff)
	}
}

// resolved lists what every expression in v gives, whatever is answered.
func resolved(v reflect.Value) []string {
	var out []string
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			out = resolved(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			out = append(out, resolved(v.Index(i))...)
		}
	case reflect.Struct:
		if m := v.MethodByName("Resolve"); m.IsValid() {
			for _, l := range lookups {
				got := m.Call([]reflect.Value{reflect.ValueOf(l)})
				value := got[0].Interface()
				if text, ok := value.(spec.Text); ok {
					value = text.Reveal()
				}
				out = append(out, fmt.Sprintf("%v, %v", value, got[1].Interface()))
			}
			return out
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out = append(out, resolved(v.Field(i))...)
			}
		}
	}
	return out
}

// TestReplayWithoutTheWorld replays once the real files and the environment
// are gone.
func TestReplayWithoutTheWorld(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("c.hcl", `
variable "n" {}
service "a" {
  command     = ["x", var.n, host.cpus, host.hostname]
  port        = "auto"
  dir         = "sub"
  user        = "root"
  env_file    = ["a.env"]
  inherit_env = ["BUNDLE_*"]
  env = {
    ASKED = env("BUNDLE_ASKED")
    TEXT  = "${templatefile("t.tpl", { n = 1 })} at ${self.url}"
  }
}
`)
	write("a.env", "A=1\n")
	write("t.tpl", "${n}")
	write("sub/file", "")
	write("more.vars.hcl", "n = 12")
	t.Setenv("BUNDLE_ASKED", "first")
	recorded, ds, b := Record(Options{Path: dir, RequireVariables: true, Vars: []Assignment{{File: filepath.Join(dir, "more.vars.hcl")}}})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	data := b.Bytes()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BUNDLE_ASKED", "second")
	replayed, replayedDs := Replay(data, Override{})
	same(t, "Replay", recorded, replayed, ds, replayedDs)
	a := replayed.System.Services[0]
	got, err := envOf(t, a, "TEXT").Value.Resolve(func(spec.Addr, string) (any, error) { return 81, nil })
	if err != nil || got.Reveal() != "1 at http://127.0.0.1:81" {
		t.Errorf("TEXT = %q, %v", got.Reveal(), err)
	}
	if asked, _ := envOf(t, a, "ASKED").Value.Value(); asked.Reveal() != "first" || cmp.Diff(a.Inherited, []string{"BUNDLE_ASKED=first"}) != "" {
		t.Errorf("ASKED = %q, inherited %v", asked.Reveal(), a.Inherited)
	}
}

func TestOverride(t *testing.T) {
	no, yes := false, true
	_, ds, b := Record(Options{
		Dir: "/c", FS: files{"c.hcl": laterConfig}, LookupEnv: noEnv, Environ: []string{"PATH=/one", "OTHER=1"},
		Host: &Host{}, Superuser: &no,
	})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	res, ds := Replay(b.Bytes(), Override{
		Ports: map[string]int{"service.api": 5000}, Environ: []string{"TERM=x", "PATH=/two", "OTHER=2"}, Superuser: &yes,
	})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	if got := service(t, res.System, "service.api").Port.Number; got != 5000 {
		t.Errorf("port %d", got)
	}
	if diff := cmp.Diff([]string{"PATH=/two", "TERM=x"}, res.System.Environ); diff != "" {
		t.Error(diff)
	}
	if got := res.System.Databases[0].Managed.DataDir; !strings.HasPrefix(got, "/var/lib/syndicate/") {
		t.Errorf("data directory %s", got)
	}
	if res, _ := Replay(b.Bytes(), Override{}); cmp.Diff([]string{"PATH=/one"}, res.System.Environ) != "" {
		t.Errorf("environment %v", res.System.Environ)
	}
}
