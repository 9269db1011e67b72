package decode

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/syndicate/syndicate/spec"
)

// record decodes the files of /c, with an environment.
func record(t testing.TB, f FS, env map[string]string, vars ...Assignment) *Bundle {
	t.Helper()
	no := false
	var environ []string
	for _, name := range sortedKeys(env) {
		environ = append(environ, name+"="+env[name])
	}
	_, ds, b := Record(Options{
		Dir: "/c", FS: f, Environ: append([]string{}, environ...), Vars: vars, RequireVariables: true,
		LookupEnv:  func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		LookupUser: func(string) error { return nil }, Host: &Host{CPUs: 1}, Superuser: &no,
	})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	return b
}

// asking is a configuration that asks every kind of question.
var asking = files{
	"c.hcl": `
variable "n" {}
variable "password" {
  sensitive = true
}
service "a" {
  command     = ["x", var.n]
  dir         = "sub"
  user        = "somebody"
  env_file    = ["a.env"]
  inherit_env = ["NODE_*"]
  env = {
    A = env("ASKED")
    B = fileexists("sub/x") ? file("text") : ""
    P = var.password
  }
}
`,
	"a.env": "A=1\n", "text": "text", "sub/x": "", "v.auto.vars.hcl": "n = 3\n",
}

var askingEnv = map[string]string{"ASKED": "answer", "NODE_ENV": "test", "PATH": "/bin", "SYNDICATE_VAR_password": "hush", "OTHER": "no"}

// TestUnrecordedAnswers takes one answer after the other out of a bundle. Each
// is named, and none is taken from this machine.
func TestUnrecordedAnswers(t *testing.T) {
	take := map[string]func(*answers){
		"the file /c/a.env":              func(a *answers) { delete(a.files, "/c/a.env") },
		"the file /c/text":               func(a *answers) { delete(a.files, "/c/text") },
		"the file /c/v.auto.vars.hcl":    func(a *answers) { delete(a.files, "/c/v.auto.vars.hcl") },
		"the directory /c":               func(a *answers) { delete(a.dirs, "/c") },
		"the path /c/sub ":               func(a *answers) { delete(a.stats, "/c/sub") },
		"the path /c/sub/x":              func(a *answers) { delete(a.stats, "/c/sub/x") },
		"the path /c,":                   func(a *answers) { delete(a.stats, "/c") },
		"the environment variable ASKED": func(a *answers) { delete(a.env, "ASKED") },
		"the user somebody":              func(a *answers) { delete(a.accounts, "user somebody") },
	}
	for what, remove := range take {
		t.Run(what, func(t *testing.T) {
			b := record(t, asking, askingEnv)
			remove(b.answers)
			_, ds := Replay(packBundle(b.answers, 0), Override{})
			if !slices.ContainsFunc(ds, func(d spec.Diagnostic) bool {
				return d.Severity == spec.Error && strings.Contains(d.Detail, strings.TrimSpace(what))
			}) {
				t.Errorf("not named in %v", ds)
			}
		})
	}
}

// TestBundleHoldsWhatWasUsed looks for what decoding did not ask.
func TestBundleHoldsWhatWasUsed(t *testing.T) {
	data := string(record(t, asking, askingEnv).Bytes())
	for _, want := range []string{"ASKED", "NODE_ENV=test", "PATH=/bin", "SYNDICATE_VAR_password=hush"} {
		if !strings.Contains(data, want) {
			t.Errorf("%s is not there", want)
		}
	}
	if strings.Contains(data, "OTHER") {
		t.Error("the bundle holds a variable that nothing asked for")
	}
}

func TestDamagedBundle(t *testing.T) {
	data := record(t, asking, askingEnv).Bytes()
	refused := func(what string, data []byte, want string) {
		t.Helper()
		res, ds := Replay(data, Override{})
		if res.System == nil || len(ds) != 1 || ds[0].Severity != spec.Error || !strings.Contains(ds[0].Detail, want) {
			t.Errorf("%s: %v", what, ds)
		}
	}
	refused("nothing", nil, "is no bundle")
	refused("something else", []byte("PK\x03\x04"), "is no bundle")
	refused("another version", append([]byte(bundleName+"1\n"), data...), "another version of syndicate")
	refused("too much", make([]byte, maxBundle+1), "64 MiB")
	for i := range data {
		if i >= len(bundleHead) {
			refused("cut", data[:i], "is damaged")
		}
		flipped := bytes.Clone(data)
		flipped[i] ^= 1
		if _, ds := Replay(flipped, Override{}); len(ds) != 1 || ds[0].Summary != "Bundle cannot be read" {
			t.Errorf("byte %d: %v", i, ds)
		}
	}
	payload := data[len(bundleHead)+sha256.Size:]
	refused("more behind", sealed(append(bytes.Clone(payload), 0)), "is damaged")
	refused("no answers", sealed(nil), "is damaged")
	for i := range payload {
		refused("cut and sealed", sealed(payload[:i]), "is damaged")
	}
}

// sealed makes a bundle of any answers.
func sealed(payload []byte) []byte {
	return sealBundle(append(make([]byte, len(bundleHead)+sha256.Size), payload...))
}

// large is a file system with one large file.
type large struct {
	files
	size int
}

func (l large) ReadFile(path string) ([]byte, error) {
	if strings.HasSuffix(path, "large.env") {
		return make([]byte, l.size), nil
	}
	return l.files.ReadFile(path)
}

func TestTooLargeForABundle(t *testing.T) {
	f := files{"c.hcl": "service \"a\" {\n command = [\"x\"]\n env_file = [\"large.env\"]\n}"}
	_, ds, b := Record(Options{Dir: "/c", FS: large{f, maxBundle - 10}, LookupEnv: noEnv, Environ: []string{}, Host: &Host{}})
	if !slices.ContainsFunc(ds, func(d spec.Diagnostic) bool {
		return d.Code == CodeLimit && strings.Contains(d.Detail, "large.env alone has 67108854 bytes")
	}) || b.Bytes() != nil {
		t.Errorf("%v", ds)
	}
	f = files{"c.hcl": f["c.hcl"], "other.hcl": "service \"b\" {\n command = [\"x\"]\n}"}
	_, ds, b = Record(Options{Dir: "/c", FS: large{f, maxBundle + 1}, LookupEnv: noEnv, Environ: []string{}, Host: &Host{}})
	if !slices.ContainsFunc(ds, func(d spec.Diagnostic) bool { return d.Code == CodeLimit && strings.Contains(d.Detail, "64 MiB") }) || b.Bytes() != nil {
		t.Errorf("%v", ds)
	}
}

// TestItemsAreBounded holds that a short bundle cannot claim much memory.
func TestItemsAreBounded(t *testing.T) {
	a := &answers{dir: "/c", dirs: map[string]dirAnswer{"/c": {entries: make([]entryAnswer, maxItems)}}}
	if _, err := unpackBundle(packBundle(a, 0)); err == nil {
		t.Error("too many entries are taken")
	}
	a.dirs["/c"] = dirAnswer{entries: make([]entryAnswer, maxItems-1)}
	if _, err := unpackBundle(packBundle(a, 0)); err != nil {
		t.Errorf("entries within the bound: %v", err)
	}
}

// TestLateQuestions: nothing is asked once something runs.
func TestLateQuestions(t *testing.T) {
	config := func(value string) files {
		return files{"t.tpl": `%{ for c in split("", url) }${env(c)}%{ endfor }`, "c.hcl": fmt.Sprintf(`
service "a" {
  command = ["x"]
  port    = "auto"
}
service "b" {
  command = ["x"]
  env     = { A = %s }
}`, value)}
	}
	for value, want := range map[string]string{
		`try(regex("^9", service.a.url), env("LATE"))`:           "fallback",
		`try(regex("^9", service.a.url), env("NOT_SET", "def"))`: "def",
	} {
		s := good(t, config(value), func(o *Options) {
			asked := false
			o.LookupEnv = func(name string) (string, bool) {
				asked = true
				return "fallback", name == "LATE"
			}
			t.Cleanup(func() {
				if !asked {
					t.Errorf("%s asked nothing", value)
				}
			})
		})
		got, err := envOf(t, service(t, s, "service.b"), "A").Value.Resolve(func(spec.Addr, string) (any, error) { return 80, nil })
		if err != nil || got.Reveal() != want {
			t.Errorf("%s = %q, %v", value, got.Reveal(), err)
		}
	}
	for _, value := range []string{
		`join("", [for c in split("", service.a.url) : env(c)])`,
		`join("", [for c in split("", service.a.url) : file(c)])`,
		`try(regex("^9", service.a.url), env(service.a.url))`,
		`templatefile("t.tpl", { url = service.a.url })`,
	} {
		_, ds := load(t, config(value))
		if len(ds) != 1 || ds[0].Code != CodeUnknown || ds[0].Subject.Start.Line != 8 || !strings.Contains(ds[0].Detail, "must be known at plan time") {
			t.Errorf("%s: %v", value, ds)
		}
	}
	// Where the question itself cannot be foreseen it is not asked either.
	s := good(t, config(`join("", [for c in ["a"] : try(regex("^9", service.a.url), env(c))])`))
	_, err := envOf(t, service(t, s, "service.b"), "A").Value.Resolve(func(spec.Addr, string) (any, error) { return 80, nil })
	if err == nil || !strings.Contains(err.Error(), "not asked at plan time") {
		t.Errorf("error %v", err)
	}
}

func TestInputs(t *testing.T) {
	key := []byte("key")
	inputs := func(f files, env map[string]string, vars ...Assignment) []Input {
		return record(t, f, env, vars...).Inputs(key)
	}
	before := inputs(asking, askingEnv)
	var names []string
	for _, in := range before {
		names = append(names, in.Kind+" "+in.Name)
		if len(in.Digest) != 2*sha256.Size {
			t.Errorf("%s has digest %q", in.Name, in.Digest)
		}
	}
	want := []string{
		"configuration file c.hcl", "environment variable ASKED", "file a.env", "file text", "file v.auto.vars.hcl",
		"inherited variable NODE_ENV", "path .", "path sub", "path sub/x", "variable n", "variable password",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	other := record(t, asking, askingEnv).Inputs([]byte("other key"))
	for i, in := range before {
		if plain := in.Kind == InputConfiguration; plain != (other[i].Digest == in.Digest) {
			t.Errorf("%s %s: plain is %v", in.Kind, in.Name, plain)
		}
	}
	change := func(f files, name, text string) files {
		out := files{}
		for k, v := range f {
			out[k] = v
		}
		out[name] = text
		return out
	}
	env := func(name, value string) map[string]string { return change(askingEnv, name, value) }
	for what, after := range map[string][]Input{
		"":                            inputs(asking, env("OTHER", "y")),
		"configuration file c.hcl":    inputs(change(asking, "c.hcl", asking["c.hcl"]+"\n"), askingEnv),
		"environment variable ASKED":  inputs(asking, env("ASKED", "x")),
		"file a.env":                  inputs(change(asking, "a.env", "A=2\n"), askingEnv),
		"file text":                   inputs(change(asking, "text", "other"), askingEnv),
		"inherited variable NODE_ENV": inputs(asking, env("NODE_ENV", "x")),
		"variable n":                  inputs(asking, askingEnv, Assignment{Name: "n", Value: "4"}),
		"variable password":           inputs(asking, env("SYNDICATE_VAR_password", "hushed")),
	} {
		var moved []string
		for i, in := range after {
			if in != before[i] {
				moved = append(moved, in.Kind+" "+in.Name)
			}
		}
		if got := strings.Join(moved, ", "); got != what {
			t.Errorf("moved %q, want %q", got, what)
		}
	}
}

// FuzzReplay takes any bytes as a bundle, and as the answers in one.
func FuzzReplay(f *testing.F) {
	for _, config := range []files{asking, {"c.hcl": world}, {"c.hcl": laterConfig}, {"c.hcl.json": fragments[6].json}} {
		_, _, b := Record(Options{Dir: "/c", FS: config, LookupEnv: noEnv, Environ: []string{"PATH=/bin"}, Host: &Host{CPUs: 1}})
		data := b.Bytes()
		f.Add(data, false)
		f.Add(data[len(bundleHead)+sha256.Size:], true)
	}
	f.Fuzz(func(t *testing.T, data []byte, answers bool) {
		if len(data) > 1<<16 {
			return
		}
		if answers {
			data = sealed(data)
		}
		res, ds := Replay(data, Override{})
		for _, d := range ds {
			if d.Code == "" || d.Summary == "" || d.Severity == "" {
				t.Errorf("incomplete: %+v", d)
			}
		}
		resolveAll(reflect.ValueOf(res.System))
	})
}
