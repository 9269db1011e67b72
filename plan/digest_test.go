package plan

import (
	"reflect"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

var testKey = []byte("0123456789abcdef")

// mutate calls visit with v changed in each of its fields in turn, by name,
// and leaves it as it was. What is empty is filled with zero values first.
func mutate(v reflect.Value, path string, visit func(path string)) {
	set := func(to any) {
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		v.Set(reflect.ValueOf(to).Convert(v.Type()))
		visit(path)
		v.Set(old)
	}
	switch v.Interface().(type) {
	case spec.Range:
		return
	case spec.Text:
		set(spec.Plain("changed"))
		return
	case spec.Expr[string]:
		set(spec.Known("changed"))
		return
	case spec.Expr[int]:
		set(spec.Known(77))
		return
	case spec.Expr[spec.Text]:
		set(spec.Known(spec.Sensitive("changed")))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			mutate(v.Elem(), path, visit)
			return
		}
		old := v.Interface()
		v.Set(reflect.New(v.Type().Elem()))
		mutate(v.Elem(), path, visit)
		v.Set(reflect.ValueOf(old))
	case reflect.Struct:
		for i := range v.NumField() {
			mutate(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Slice:
		if v.Len() > 0 {
			mutate(v.Index(0), path, visit)
			return
		}
		old := v.Interface()
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		visit(path)
		mutate(v.Index(0), path, visit)
		v.Set(reflect.ValueOf(old))
	case reflect.Map:
		old := v.Interface()
		m := reflect.MakeMap(v.Type())
		m.SetMapIndex(reflect.ValueOf("key"), reflect.Zero(v.Type().Elem()))
		v.Set(m)
		visit(path)
		v.Set(reflect.ValueOf(old))
	case reflect.String:
		set("changed")
	case reflect.Bool:
		set(true)
	case reflect.Int, reflect.Int64:
		set(int64(77))
	case reflect.Float64:
		set(0.77)
	default:
		panic("no mutation for " + path + " of " + v.Kind().String())
	}
}

// A new attribute of a block is part of its digest without a change here;
// one of a type that the digest does not know fails this test.
func TestDigestCoversEveryAttribute(t *testing.T) {
	for _, block := range []any{&spec.Service{}, &spec.Task{}, &spec.Database{}, &spec.Breaker{}, &spec.Queue{}} {
		v := reflect.ValueOf(block).Elem()
		t.Run(v.Type().Name(), func(t *testing.T) {
			d := newDigester("", testKey)
			unchanged, _ := d.of(block)
			seen := map[string]string{unchanged: "nothing changed"}
			n := 0
			mutate(v, "", func(path string) {
				n++
				got, _ := d.of(block)
				if other, ok := seen[got]; ok && other != path {
					t.Errorf("%s changed: the digest is that of %s", path, other)
				}
				seen[got] = path
			})
			if n < 5 {
				t.Errorf("only %d mutations", n)
			}
		})
	}
}

func TestDigestOfValues(t *testing.T) {
	env := func(v spec.Expr[spec.Text]) *spec.Service {
		s := service("api")
		s.Env = []spec.EnvVar{{Name: "A", Value: v}}
		return s
	}
	later := func(source, attribute string) spec.Expr[spec.Text] {
		refs := []spec.Ref{{Addr: addr("database.main"), Attribute: attribute}}
		return spec.Later(source, at(3), refs, func(spec.Lookup) (spec.Text, error) { return spec.Text{}, nil })
	}
	dir := func(d string) *spec.Service {
		s := service("api")
		s.Dir = d
		return s
	}
	tests := map[string]struct {
		a, b         *spec.Service
		dirA, dirB   string
		keyA, keyB   []byte
		wantSameText bool
	}{
		"the same":                    {a: env(spec.Known(spec.Plain("x"))), b: env(spec.Known(spec.Plain("x"))), wantSameText: true},
		"another":                     {a: env(spec.Known(spec.Plain("x"))), b: env(spec.Known(spec.Plain("y")))},
		"plain and sensitive":         {a: env(spec.Known(spec.Plain("x"))), b: env(spec.Known(spec.Sensitive("x"))), keyA: testKey, keyB: testKey},
		"secrets without key":         {a: env(spec.Known(spec.Sensitive("x"))), b: env(spec.Known(spec.Sensitive("y"))), wantSameText: true},
		"secrets with key":            {a: env(spec.Known(spec.Sensitive("x"))), b: env(spec.Known(spec.Sensitive("y"))), keyA: testKey, keyB: testKey},
		"one secret, another key":     {a: env(spec.Known(spec.Sensitive("x"))), b: env(spec.Known(spec.Sensitive("x"))), keyA: testKey, keyB: []byte("another")},
		"later, the same":             {a: env(later("a", "url")), b: env(later("a", "url")), keyA: testKey, keyB: testKey, wantSameText: true},
		"later, other text":           {a: env(later("a", "url")), b: env(later("b", "url")), keyA: testKey, keyB: testKey},
		"later, other text, no key":   {a: env(later("pw1", "url")), b: env(later("pw2", "url")), wantSameText: true},
		"later, other reference":      {a: env(later("a", "url")), b: env(later("a", "user"))},
		"the directory moved":         {a: dir("/a/app"), b: dir("/b/app"), dirA: "/a", dirB: "/b", wantSameText: true},
		"another place in it":         {a: dir("/a/app"), b: dir("/a/lib"), dirA: "/a", dirB: "/a"},
		"a longer name is not inside": {a: dir("/ab/app"), b: dir("/ac/app"), dirA: "/a", dirB: "/a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, runA := newDigester(test.dirA, test.keyA).of(test.a)
			b, runB := newDigester(test.dirB, test.keyB).of(test.b)
			if (runA == runB) != test.wantSameText {
				t.Errorf("run digests %s and %s", runA, runB)
			}
			if (a == b) != test.wantSameText {
				t.Errorf("digests %s and %s", a, b)
			}
			if !strings.HasPrefix(a, digestPrefix) || len(a) != len(digestPrefix)+32 {
				t.Errorf("digest %q has another form", a)
			}
		})
	}
}
