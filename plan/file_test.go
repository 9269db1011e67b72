package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/spec"
)

// bound is a plan of the shop against a system that runs, bound to what it
// was made from. Each edit makes it otherwise.
func bound(t testing.TB, edits ...func(sys *spec.System, f *Facts, inputs map[string]string)) *File {
	sys, f := shop(), asked()
	f.Running = runningAs(mustBuild(t, sys, f))
	contents := map[string]string{"file shop.hcl": "a", "file cache.hcl": "b", "variable port": "8080"}
	for _, edit := range edits {
		edit(sys, &f, contents)
	}
	var inputs []Input
	for name, content := range contents {
		kind, name, _ := strings.Cut(name, " ")
		inputs = append(inputs, NewInput(f.Key, kind, name, []byte(content)))
	}
	return NewFile(mustBuild(t, sys, f), f, false, inputs)
}

func TestFileSaysWhatMoved(t *testing.T) {
	unit := func(f *Facts, id string) *RunningUnit {
		for i := range f.Running.Units {
			if f.Running.Units[i].ID == id {
				return &f.Running.Units[i]
			}
		}
		t.Fatalf("no unit %s", id)
		return nil
	}
	main := addr("database.main")
	tests := map[string]struct {
		edit func(sys *spec.System, f *Facts, inputs map[string]string)
		want string
	}{
		"nothing": {func(*spec.System, *Facts, map[string]string) {}, ""},
		"inputs": {func(_ *spec.System, _ *Facts, inputs map[string]string) {
			inputs["file shop.hcl"] = "changed"
			delete(inputs, "file cache.hcl")
			inputs["file more.hcl"] = ""
			inputs["variable port"] = "9090"
		}, "file cache.hcl is gone; file more.hcl is new; file shop.hcl changed; variable port changed"},
		"it stopped": {func(_ *spec.System, f *Facts, _ map[string]string) { f.Running = nil },
			"the system ran then, and does not now"},
		"units": {func(_ *spec.System, f *Facts, _ map[string]string) {
			unit(f, "service.api").State = "failed"
			unit(f, "service.web").Held = "by anna at 12:03"
			unit(f, "task.seed").Digest = "another"
			f.Running.Units = append(f.Running.Units, RunningUnit{ID: "service.new"})
		}, "service.api is failed, and was running; service.new runs now, and did not then; " +
			"service.web is stopped by anna at 12:03, and was running; task.seed runs with another definition"},
		"only unhealthy": {func(_ *spec.System, f *Facts, _ map[string]string) { unit(f, "service.api").State = "unhealthy" }, ""},
		"a ledger": {func(_ *spec.System, f *Facts, _ map[string]string) {
			f.Ledgers[main] = Ledger{Source: LedgerRecorded, Version: 2, Files: 3, Pending: []Migration{{3, "c"}}}
		}, "database.main.migrations: version 2 is applied and 1 pending, and version 3 is applied and 0 pending then"},
		"no answer": {func(_ *spec.System, f *Facts, _ map[string]string) { f.Ledgers[main] = Ledger{Note: "no answer"} },
			"database.main.migrations: what is applied is not known, and version 3 is applied and 0 pending then"},
		"another key": {func(_ *spec.System, f *Facts, _ map[string]string) { f.Key = []byte("another") },
			"the key of the digests in the state directory: it was removed since, or the plan was made for another directory"},
		"another program": {func(sys *spec.System, _ *Facts, _ map[string]string) { sys.Services[0].Runtime = "jvm" },
			"what is made of the same configuration: another version of syndicate made the plan"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			data, err := bound(t).Encode()
			if err != nil {
				t.Fatal(err)
			}
			was, err := DecodeFile(data)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(was.Moved(bound(t, test.edit)), "; "); got != test.want {
				t.Errorf("moved %q\nwant  %q", got, test.want)
			}
		})
	}
}

func TestFileComesBackAsItWas(t *testing.T) {
	f := bound(t)
	data, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := bound(t).Encode()
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("the same plan makes another file (%v)", err)
	}
	got, err := DecodeFile(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(encode(t, f.Plan)), string(encode(t, got.Plan))); diff != "" {
		t.Errorf("another plan:\n%s", diff)
	}
	if moved := got.Moved(f); len(moved) > 0 {
		t.Errorf("moved: %q", moved)
	}
	for _, secret := range []string{"hunter2", string(testKey), "8080"} {
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("the file tells %q", secret)
		}
	}
}

func TestDecodeFileRefuses(t *testing.T) {
	data, err := bound(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(old, by string) []byte { return bytes.Replace(data, []byte(old), []byte(by), 1) }
	tests := map[string]struct {
		data []byte
		want string
		file bool // it may be overwritten
	}{
		"nothing":           {nil, "it is no plan file", false},
		"text":              {[]byte("service \"a\" {}"), "it is no plan file", false},
		"other JSON":        {encode(t, bound(t).Plan), "it is no plan file", false},
		"a list":            {[]byte(`["format", "syndicate plan file"]`), "it is no plan file", false},
		"cut":               {data[:len(data)/2], "damaged", true},
		"longer":            {append(bytes.Clone(data), "x"...), "damaged", true},
		"edited":            {replaced(`"keep"`, `"start"`), "damaged", true},
		"a later version":   {replaced(`"format_version": "1.0"`, `"format_version": "2.0"`), `format version "2.0", and this version of syndicate reads 1.0`, true},
		"without content":   {[]byte(`{"format": "syndicate plan file", "format_version": "1.0"}`), "damaged", true},
		"other white space": {compact(t, data), "", true},
		"a later minor":     {replaced(`"format_version": "1.0"`, `"format_version": "1.7"`), "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := DecodeFile(test.data)
			switch {
			case test.want == "" && (err != nil || f == nil):
				t.Errorf("error %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error %v, want %q", err, test.want)
			}
			if got := IsFile(test.data); got != test.file || got == errors.Is(err, ErrNoPlanFile) {
				t.Errorf("IsFile says %v, and the error is %v", got, err)
			}
		})
	}
}

func compact(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzDecodeFile(f *testing.F) {
	data, err := bound(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format":"syndicate plan file","format_version":"1","sum":"","content":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if file, err := DecodeFile(data); err == nil {
			if moved := file.Moved(file); len(moved) > 0 {
				t.Errorf("a file is not like itself: %q", moved)
			}
		}
	})
}

// Whatever happens to the units, where that makes the plan another one the
// file says to which of them it happened.
func TestFileNamesTheUnitThatMoved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		f := w.facts(1)
		f.Running = applied(build(t, w.sys, f), nil, nil)
		w.disturb(f.Running)
		before := NewFile(build(t, w.sys, f), f, false, nil)
		f.Running.Units = slices.Clone(f.Running.Units)
		w.disturb(f.Running)
		after := NewFile(build(t, w.sys, f), f, false, nil)
		moved := strings.Join(before.Moved(after), "; ")
		if strings.Contains(moved, "another version") || moved == "" && before.Plan.Digest != after.Plan.Digest {
			t.Fatalf("the plan is another one, and what moved is %q", moved)
		}
	})
}
