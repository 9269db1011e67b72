package decode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/json"

	"github.com/syndicate/syndicate/textfile"
)

// FS is the part of a file system that decoding reads. Paths are absolute.
// ReadFile is asked for regular files of bounded size only, by what Stat says.
type FS interface {
	ReadFile(path string) ([]byte, error)
	ReadDir(path string) ([]fs.DirEntry, error)
	Stat(path string) (fs.FileInfo, error)
}

type osFS struct{}

func (osFS) ReadFile(path string) ([]byte, error)       { return textfile.Read(path, maxFile) }
func (osFS) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }
func (osFS) Stat(path string) (fs.FileInfo, error)      { return os.Stat(path) }

// maxFile is the largest file that is read.
const maxFile = 16 << 20

// file is one file of the configuration.
type file struct {
	path string // absolute
	name string // as ranges have it
	doc  fileDoc
}

// display returns the name of a file in diagnostics: relative to the working
// directory where that is shorter.
func (l *loader) display(path string) string {
	rel, err := filepath.Rel(l.dir, path)
	if err != nil || len(rel) >= len(path) {
		return path
	}
	return rel
}

// absolute resolves a path that the caller gave.
func (l *loader) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(l.dir, path)
}

// read finds the configuration's files and parses each of them.
func (l *loader) read() {
	path := l.absolute(l.o.Path)
	info, err := l.fs.Stat(path)
	if err != nil {
		l.system.Dir = filepath.Dir(path)
		l.report(fileMistake(l.display(path), err))
		return
	}
	if !info.IsDir() {
		l.single = true
		l.system.Dir = filepath.Dir(path)
		l.system.Name = defaultName(stem(filepath.Base(path)))
		l.readFile(path)
		return
	}
	l.system.Dir = path
	l.system.Name = defaultName(filepath.Base(path))
	names, err := l.list(path, isConfiguration)
	if err != nil {
		l.report(fileMistake(l.display(path), err))
		return
	}
	if len(names) == 0 {
		l.report(mistake(CodeFile, hcl.Range{Filename: l.display(path)}, "No configuration files",
			fmt.Sprintf("The directory %s holds no *.hcl or *.hcl.json file. Write one, let `syndicate init` do it, or name the file or directory with -f.", l.display(path))))
	}
	for _, name := range names {
		l.readFile(filepath.Join(path, name))
	}
}

// content reads a regular file of bounded size.
func (l *loader) content(path string) ([]byte, error) {
	if info, err := l.fs.Stat(path); err == nil {
		if err := textfile.Check(info, maxFile); err != nil {
			return nil, err
		}
	}
	return l.fs.ReadFile(path)
}

// list returns the sorted names in a directory that want accepts.
func (l *loader) list(dir string, want func(string) bool) ([]string, error) {
	entries, err := l.fs.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && want(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

func fileMistake(name string, err error) *hcl.Diagnostic {
	return mistake(CodeFile, hcl.Range{Filename: name}, "File cannot be read", sentence(unreadable(name, err)))
}

// unreadable says why a file cannot be read, under the name that diagnostics
// have for it.
func unreadable(name string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("cannot read %s: %w", name, err)
}

// readFile parses one file of the configuration and keeps what it holds.
func (l *loader) readFile(path string) {
	f := &file{path: path, name: l.display(path)}
	parse := l.parse
	if l.headOnly {
		parse = l.parseHead
	}
	bodies, ok := parse(path, f.name)
	if !ok {
		if l.unread == nil {
			l.unread = map[string]bool{}
		}
		l.unread[f.name] = true
	}
	for _, body := range bodies {
		part, broken := body.(brokenBody)
		if broken {
			body = part.Body
		}
		l.markStrangers(body)
		diags := l.types.decodeBody(body, &f.doc, "")
		if !broken {
			// What follows a syntax error is noise.
			l.report(diags...)
		}
	}
	l.files = append(l.files, f)
}

// parse reads, guards and parses one file, and reports what is wrong. What
// there is of its bodies may be partial then.
func (l *loader) parse(path, name string) ([]hcl.Body, bool) {
	src, err := l.content(path)
	if large, ok := errors.AsType[*textfile.TooLargeError](err); ok {
		l.report(mistake(CodeLimit, hcl.Range{Filename: name}, "File is too large",
			fmt.Sprintf("%s has %d bytes; a file of the configuration may have 16 MiB.", name, large.Size)))
		return nil, false
	}
	if err != nil {
		l.report(fileMistake(name, err))
		return nil, false
	}
	l.sources[name] = src
	isJSON := strings.HasSuffix(path, ".json")
	if diags := guard(name, src, isJSON); diags.HasErrors() {
		l.report(diags...)
		return nil, false
	}
	if !isJSON {
		bodies, diags := parseNative(src, name, chunkSize)
		if diags.HasErrors() {
			bodies, diags = parseApart(src, name, bodies, diags)
		}
		l.report(diags...)
		return bodies, !diags.HasErrors()
	}
	parsed, diags := json.Parse(src, name)
	if len(diags) > 1 { // what does not parse is no object either
		diags = slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { return d.Summary == "Root value must be object" })
	}
	l.report(diags...)
	if parsed == nil || parsed.Body == nil {
		return nil, false
	}
	if diags.HasErrors() {
		return []hcl.Body{brokenBody{parsed.Body}}, false
	}
	return []hcl.Body{parsed.Body}, true
}

// hasAny reports whether name ends in one of the suffixes.
func hasAny(name string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}

// isConfiguration reports whether a file of this name, found in a directory,
// belongs to the configuration. Dotfiles, variables, editors' copies and
// other tools' files do not.
func isConfiguration(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasPrefix(name, "~") {
		return false
	}
	if hasAny(name, ".vars.hcl", ".vars.hcl.json", ".pkr.hcl", ".pkr.hcl.json", ".nomad.hcl", ".nomad.hcl.json") ||
		name == "terragrunt.hcl" || name == "terragrunt.hcl.json" {
		return false
	}
	return hasAny(name, ".hcl", ".hcl.json")
}

// isAutoVariables reports whether a file gives values to variables by itself.
func isAutoVariables(name string) bool {
	return !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "#") &&
		hasAny(name, ".auto.vars.hcl", ".auto.vars.hcl.json")
}

// stem is a file's name without its endings.
func stem(name string) string {
	name = strings.TrimSuffix(name, ".json")
	return strings.TrimSuffix(name, ".hcl")
}

// defaultName makes a system's name of a file's or directory's name.
func defaultName(s string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '_', r == '-', '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			return r
		}
		return '-'
	}, s)
	clean = strings.TrimLeft(clean, "-")
	if clean == "" {
		return "system"
	}
	if '0' <= clean[0] && clean[0] <= '9' {
		clean = "_" + clean
	}
	return clean[:min(len(clean), 63)]
}
