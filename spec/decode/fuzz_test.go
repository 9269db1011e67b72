package decode

import (
	"reflect"
	"strings"
	"testing"
)

// seeds are native and JSON texts that the fuzzers begin with.
func seeds(f *testing.F, json bool) {
	for _, m := range mistakes {
		if json {
			f.Add(m.json)
		} else {
			f.Add(m.native)
		}
	}
	if json {
		f.Add(`{"service":{"a":{"command":["${"}}}`)
		f.Add(`{"//":"comment","locals":[{"a":"%{ if true }x%{ endif }"}]}`)
		return
	}
	f.Add(world)
	f.Add(laterConfig)
	f.Add("service \"a\" {\n command = <<E\n${x}\nE\n}")
	for _, p := range attributePaths() {
		if len(p.blocks) > 1 {
			f.Add(p.native("x", hostile[len(p.attr.Name)%len(hostile)]))
		}
	}
}

func fuzz(t *testing.T, types *structures, name, text string) {
	if len(text) > 1<<16 {
		return
	}
	for _, require := range []bool{false, true} {
		res, ds := Load(Options{types: types, Path: ".", Dir: "/c", FS: files{name: text}, Environ: []string{}, LookupEnv: noEnv,
			RequireVariables: require, Host: &Host{CPUs: 1}})
		for _, d := range ds {
			if d.Code == "" || d.Summary == "" || d.Severity == "" {
				t.Errorf("incomplete: %+v", d)
			}
		}
		resolveAll(reflect.ValueOf(res.System))
		if strings.Contains(text, "syndicate") {
			Head(Options{Path: name, Dir: "/c", FS: files{name: text}, Environ: []string{}})
		}
	}
}

// FuzzLoad decodes any text of the native syntax without panicking.
func FuzzLoad(f *testing.F) {
	seeds(f, false)
	types := new(structures)
	f.Fuzz(func(t *testing.T, text string) { fuzz(t, types, "c.hcl", text) })
}

// FuzzLoadJSON decodes any text of the JSON syntax without panicking.
func FuzzLoadJSON(f *testing.F) {
	seeds(f, true)
	types := new(structures)
	f.Fuzz(func(t *testing.T, text string) { fuzz(t, types, "c.hcl.json", text) })
}
