package plan

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// process are the fields of package spec that a running process depends on:
// another value means another process. Every other field that a step's
// definition reaches is policy and stands in isPolicy.
var process = map[string]string{
	"Block":      "Addr",
	"Breaker":    "Block Listen",
	"Command":    "Argv Shell Dir Env EnvFiles Inherited User Group",
	"Database":   "Block Source Managed Shared URL Host Port DBName User Password SSL Migrations Gateway",
	"EnvFile":    "Vars",
	"EnvVar":     "Name Null Value",
	"Gateway":    "Listen TLSCert TLSKey Pooler",
	"HTTPCall":   "Method URL",
	"Managed":    "Version DataDir BinDir Port User Durability Settings Extensions",
	"Migrations": "Path",
	"Port":       "Number Auto",
	"Queue":      "Block Store",
	"Service":    "Block Command Host Port Ports Runtime MayEnqueue",
	"Shared":     "Server Extensions",
	"Task":       "Block Command HTTP",
	"Addr":       "Kind Name Key",
}

// A field that spec gains must be decided about: is a process started with
// it, or does it change in place?
func TestEveryFieldIsDecided(t *testing.T) {
	found := map[string]bool{}
	for _, block := range []any{spec.Service{}, spec.Task{}, spec.Database{}, spec.Breaker{}, spec.Queue{}} {
		collect(reflect.TypeOf(block), found)
	}
	decided := map[string]bool{}
	for typ, fields := range process {
		for name := range strings.FieldsSeq(fields) {
			decided[typ+"."+name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		switch {
		case decided[name] && isPolicy(name):
			t.Errorf("spec.%s is both policy and part of a process", name)
		case !decided[name] && !isPolicy(name):
			t.Errorf("nobody has decided about spec.%s: it is part of the run digest now. "+
				"Where a running process does not depend on it, add it to isPolicy, else to process in this test", name)
		}
		delete(decided, name)
	}
	for name := range decided {
		t.Errorf("spec.%s is decided about and no step's definition has it", name)
	}
}

// collect finds the fields that a definition reaches, not below policies.
func collect(t reflect.Type, found map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(t.Elem(), found)
		return
	case reflect.Struct:
	default:
		return
	}
	if t == reflect.TypeFor[spec.Range]() || t == reflect.TypeFor[spec.Text]() || strings.HasPrefix(t.Name(), "Expr[") {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name := t.Name() + "." + f.Name
		if !f.IsExported() || f.Type == reflect.TypeFor[spec.Range]() || found[name] {
			continue
		}
		found[name] = true
		if !isPolicy(name) {
			collect(f.Type, found)
		}
	}
}

// A change of a policy keeps the run digest, any other changes it.
func TestRunDigestIsThatOfTheProcess(t *testing.T) {
	for _, block := range []any{&spec.Service{}, &spec.Task{}, &spec.Database{}, &spec.Breaker{}, &spec.Queue{}} {
		v := reflect.ValueOf(block).Elem()
		fill(v)
		t.Run(v.Type().Name(), func(t *testing.T) {
			d := newDigester("", testKey)
			all, run := d.of(block)
			mutate(v, v.Type().Name(), func(path string) {
				gotAll, gotRun := d.of(block)
				if gotAll == all {
					t.Errorf("%s changed and the digest did not", path)
				}
				if policy := underPolicy(v.Type(), path); policy != (gotRun == run) {
					t.Errorf("%s: policy %v, and the same run digest %v", path, policy, gotRun == run)
				}
			})
		})
	}
}

// fill gives everything that may be absent a zero value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	}
}

// underPolicy follows the fields of a path such as Service.Command.Argv.
func underPolicy(t reflect.Type, path string) bool {
	for name := range strings.SplitSeq(path[strings.IndexByte(path, '.')+1:], ".") {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if isPolicy(t.Name() + "." + name) {
			return true
		}
		f, _ := t.FieldByName(name)
		t = f.Type
	}
	return false
}

// Another target of a breaker changes in place, but not from one that takes
// HTTP to one that takes connections: its clients have another URL then.
func TestABreakersTargetChangesInPlace(t *testing.T) {
	run := func(target string) string {
		_, run := newDigester("", nil).of(&spec.Breaker{Target: spec.Known(spec.Plain(target))})
		return run
	}
	if run("http://a") != run("https://b:8080/c") || run("tcp://a:1") != run("tcp://b:1") || run("http://a:1") == run("tcp://a:1") {
		t.Errorf("%s, %s, %s", run("http://a"), run("https://b:8080/c"), run("tcp://a:1"))
	}
}
