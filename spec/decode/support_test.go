package decode

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syndicate/syndicate/spec"
)

// files is a file system that holds the directory /c of a configuration.
type files map[string]string

func (f files) mapFS() fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range f {
		out[strings.TrimPrefix(filepath.Join("/c", name), "/")] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func inside(path string) string {
	if path = strings.TrimPrefix(path, "/"); path != "" {
		return path
	}
	return "."
}

func (f files) ReadFile(path string) ([]byte, error)       { return f.mapFS().ReadFile(inside(path)) }
func (f files) ReadDir(path string) ([]fs.DirEntry, error) { return f.mapFS().ReadDir(inside(path)) }
func (f files) Stat(path string) (fs.FileInfo, error)      { return f.mapFS().Stat(inside(path)) }

func noEnv(string) (string, bool) { return "", false }

// load decodes the files of /c in an empty environment.
func load(t *testing.T, f files, change ...func(*Options)) (*spec.System, spec.Diagnostics) {
	t.Helper()
	no := false
	o := Options{
		Path: ".", Dir: "/c", FS: f, Environ: []string{}, LookupEnv: noEnv, RequireVariables: true,
		Host: &Host{CPUs: 2, Memory: 8e9, Hostname: "h"}, Superuser: &no,
	}
	for _, c := range change {
		c(&o)
	}
	res, ds := Load(o)
	return res.System, ds
}

// good decodes files that hold no mistake.
func good(t *testing.T, f files, change ...func(*Options)) *spec.System {
	t.Helper()
	s, ds := load(t, f, change...)
	for _, d := range ds {
		t.Errorf("unexpected: %s %s", d.Code, d.Error())
	}
	return s
}
