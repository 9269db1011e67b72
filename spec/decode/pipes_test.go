package decode

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// TestReadsRegularFilesOnly names each place that would have to wait for a
// writer, or read for ever, at its own line.
func TestReadsRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file, text, code string
		change           func(*Options)
	}{
		"env_file":             {"c.hcl", `service "a" { ` + "\n command = [\"x\"]\n env_file = [\"SPECIAL\"]\n}", CodeEnvFile, nil},
		"optional env_file":    {"c.hcl", `service "a" { ` + "\n command = [\"x\"]\n env_file = [\"?SPECIAL\"]\n}", CodeEnvFile, nil},
		"env_file in JSON":     {"c.hcl.json", `{"service": {"a": {"command": ["x"], "env_file": ["SPECIAL"]}}}`, CodeEnvFile, nil},
		"file":                 {"c.hcl", `locals { a = file("SPECIAL") }`, CodePath, nil},
		"file in JSON":         {"c.hcl.json", `{"locals": {"a": "${file(\"SPECIAL\")}"}}`, CodePath, nil},
		"templatefile":         {"c.hcl", `locals { a = templatefile("SPECIAL", {}) }`, CodePath, nil},
		"templatefile in JSON": {"c.hcl.json", `{"locals": {"a": "${templatefile(\"SPECIAL\", {})}"}}`, CodePath, nil},
		"--var-file":           {"c.hcl", "", CodeFile, func(o *Options) { o.Vars = []Assignment{{File: "SPECIAL"}} }},
		"the path":             {"c.hcl", "", CodeFile, func(o *Options) { o.Path = "SPECIAL" }},
	} {
		for special, want := range map[string]string{filepath.Join(dir, "pipe"): "a pipe", "/dev/zero": "a device", dir: "a directory"} {
			if special == dir && name == "the path" {
				continue // that is a configuration
			}
			here := t.TempDir()
			if err := os.WriteFile(filepath.Join(here, c.file), []byte(strings.ReplaceAll(c.text, "SPECIAL", special)), 0o600); err != nil {
				t.Fatal(err)
			}
			o := Options{Path: here, Dir: here, Environ: []string{}}
			if c.change != nil {
				c.change(&o)
				o.Path = strings.ReplaceAll(o.Path, "SPECIAL", special)
				for i := range o.Vars {
					o.Vars[i].File = special
				}
			}
			_, ds := Load(o)
			if len(ds) != 1 || ds[0].Code != c.code || !found(ds[0], []string{want, "only regular files"}) || ds[0].Subject.Filename == "" {
				t.Errorf("%s of %s: %v", name, special, ds)
			}
			recorded, again, b := Record(o)
			replayed, replayedDs := Replay(b.Bytes(), Override{})
			same(t, name, recorded, replayed, again, replayedDs)
		}
	}
}

// TestPipesAmongConfigurationFiles does not wait for files in the directory.
func TestPipesAmongConfigurationFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"main.hcl", "other.hcl.json", "x.auto.vars.hcl"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, ds := Load(Options{Path: dir, Dir: dir, Environ: []string{}})
	if len(ds) != 3 {
		t.Fatalf("%v", ds)
	}
	for _, d := range ds {
		if d.Code != CodeFile || !found(d, []string{d.Subject.Filename, "a pipe"}) {
			t.Errorf("%v", d)
		}
	}
	if _, ds := Head(Options{Path: dir, Dir: dir}); !ds.HasErrors() {
		t.Error("the syndicate block was found in a pipe")
	}
}

// TestLargeEnvFile bounds an env_file like any other.
func TestLargeEnvFile(t *testing.T) {
	_, ds := load(t, files{
		"c.hcl":     "service \"a\" {\n command = [\"x\"]\n env_file = [\"large.env\"]\n}",
		"large.env": "A=" + strings.Repeat("x", maxFile),
	})
	if len(ds) != 1 || ds[0].Code != CodeEnvFile || !found(ds[0], []string{"large.env", "16 MiB"}) {
		for _, d := range ds {
			t.Errorf("%s: %.200s", d.Code, d.Error())
		}
	}
	var at spec.Range
	if len(ds) > 0 {
		at = ds[0].Subject
	}
	if at.Start.Line != 3 {
		t.Errorf("at %v", at)
	}
}
