package migration

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/spec"
)

// File is one migration: its up file and, mostly, its down file.
type File struct {
	Version uint64
	Name    string // without version and endings
	Up      string // absolute path
	Down    string // absolute path, "" where it is missing
	// The checksums of both, see Checksum; "" of what is missing.
	UpSum, DownSum string
	// OutOfOrder is set by the directive of that name: the file may be
	// applied after files with higher versions.
	OutOfOrder bool
}

// label names the file as its path does, without the ending.
func (f File) label() string { return label(f.Version, f.Name) }

// label names a version for people.
func label(version uint64, name string) string {
	if name == "" {
		return fmt.Sprintf("version %d", version)
	}
	return fmt.Sprintf("%06d_%s", version, name)
}

// Checksum is the SHA-256 of a file's text in hexadecimal. Ends of lines
// count as one character, however an editor or git wrote them.
func Checksum(text []byte) string {
	sum := sha256.Sum256(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	return hex.EncodeToString(sum[:])
}

// Problem is something wrong with a directory of migrations.
type Problem struct {
	Severity spec.Severity
	Path     string // of the file, or of the directory
	Line     int    // from 1; 0: the file as a whole
	Summary  string // three to six words
	Detail   string // what, and what would be right
}

// String names the place and the problem in one line.
func (p Problem) String() string {
	at := p.Path
	if p.Line > 0 {
		at += ":" + strconv.Itoa(p.Line)
	}
	return at + ": " + p.Detail
}

// Diagnostic returns the problem as one of the configuration, at subject.
func (p Problem) Diagnostic(code string, subject spec.Range) spec.Diagnostic {
	return spec.Diagnostic{
		Severity: p.Severity, Code: code, Summary: p.Summary, Detail: p.String(), Subject: subject,
	}
}

// ProblemsError is a directory of migrations that cannot be used.
type ProblemsError struct{ Problems []Problem }

func (e *ProblemsError) Error() string {
	var lines []string
	for _, p := range e.Problems {
		if p.Severity == spec.Error {
			lines = append(lines, p.String())
		}
	}
	return "read the migrations: " + strings.Join(lines, "\n")
}

// nameRE is golang-migrate's, and strict about the ending.
var nameRE = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([0-9]+)_(.+)\.(up|down)\.sql$`)
})

// looseRE is what golang-migrate itself would take, or a person meant.
var looseRE = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]+[_.-]|(?i)\.(up|down)\.|(?i)\.sql$`)
})

// Files lists the migrations of a directory in order of version, and what is
// wrong with it. It needs no database. Files that golang-migrate would pass
// over in silence are errors; what is no migration at all (README, dotfiles,
// directories) is not looked at.
func Files(dir string) ([]File, []Problem) {
	c := collector{dir: dir, byVersion: map[uint64]*File{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		c.report(spec.Error, dir, 0, "migrations directory not readable", unreadable(dir, err))
		return nil, c.problems
	}
	for _, e := range entries {
		if name := e.Name(); !e.IsDir() && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, "~") {
			c.add(name)
		}
	}
	return c.finish()
}

// unreadable says what to do about a directory or a file that is not read.
func unreadable(path string, err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist) && isLink(path):
		to, _ := os.Readlink(path)
		return fmt.Sprintf("it is a link to %s, which does not exist: create that, or remove the link", to)
	case errors.Is(err, os.ErrNotExist):
		return "it does not exist: create it, or correct the path of migrations"
	case errors.Is(err, os.ErrPermission):
		return fmt.Sprintf("permission denied: let the user %s read it (chmod a+rX %s)", osUser(), path)
	}
	return pg.LastPart(err)
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

// collector gathers the files of a directory.
type collector struct {
	dir       string
	byVersion map[uint64]*File
	problems  []Problem
}

func (c *collector) report(severity spec.Severity, path string, line int, summary, detail string) {
	c.problems = append(c.problems, Problem{Severity: severity, Path: path, Line: line, Summary: summary, Detail: detail})
}

// add takes one file, or says what is wrong with its name or its content.
func (c *collector) add(name string) {
	path := filepath.Join(c.dir, name)
	m := nameRE().FindStringSubmatch(name)
	if m == nil {
		if looseRE().MatchString(name) {
			c.report(spec.Error, path, 0, "misnamed migration",
				"it would be passed over, or taken for something else: name it VERSION_NAME.up.sql or VERSION_NAME.down.sql, such as "+suggest(name))
		}
		return
	}
	version, err := strconv.ParseUint(m[1], 10, 63)
	if err != nil {
		c.report(spec.Error, path, 0, "migration version too large", "the version is larger than 9223372036854775807")
		return
	}
	f := c.byVersion[version]
	if f == nil {
		f = &File{Version: version, Name: m[2]}
		c.byVersion[version] = f
	}
	slot := &f.Up
	if m[3] == "down" {
		slot = &f.Down
	}
	if *slot != "" {
		c.report(spec.Error, path, 0, "duplicate migration version",
			fmt.Sprintf("version %d stands in %s already: give one of them another version", version, filepath.Base(*slot)))
		return
	}
	if f.Name != m[2] {
		c.report(spec.Warning, path, 0, "migration names differ",
			fmt.Sprintf("the other file of version %d is called %q: give both the same name", version, f.Name))
	}
	*slot = path
	text := c.read(path)
	if m[3] == "down" {
		f.DownSum = Checksum(text)
		return
	}
	f.UpSum = Checksum(text)
	f.OutOfOrder = hasDirective(string(text), outOfOrder)
}

// finish sorts, and reports what is missing.
func (c *collector) finish() ([]File, []Problem) {
	var files []File
	for _, f := range c.byVersion {
		switch {
		case f.Up == "" && f.Down != "":
			c.report(spec.Error, f.Down, 0, "up file missing",
				fmt.Sprintf("there is no %s beside it", strings.Replace(filepath.Base(f.Down), ".down.", ".up.", 1)))
		case f.Down == "":
			c.report(spec.Warning, f.Up, 0, "down file missing",
				fmt.Sprintf("there is no %s beside it: it cannot be undone", strings.Replace(filepath.Base(f.Up), ".up.", ".down.", 1)))
			files = append(files, *f)
		default:
			files = append(files, *f)
		}
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Version, b.Version) })
	slices.SortFunc(c.problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), strings.Compare(a.Summary, b.Summary))
	})
	return files, c.problems
}

// suggest makes a right name out of a wrong one.
func suggest(name string) string {
	digits := 0
	for digits < len(name) && '0' <= name[digits] && name[digits] <= '9' {
		digits++
	}
	version, rest := name[:digits], strings.ToLower(strings.TrimLeft(name[digits:], "_.- "))
	if version == "" {
		version = "000001"
	}
	direction := "up"
	for _, part := range strings.Split(rest, ".")[1:] {
		if part == "down" {
			direction = "down"
		}
	}
	rest, _, _ = strings.Cut(rest, ".")
	if rest == "up" || rest == "down" || rest == "sql" {
		rest = ""
	}
	rest = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return '_'
		}
		return r
	}, rest)
	return fmt.Sprintf("%s_%s.%s.sql", version, cmp.Or(rest, "change"), direction)
}

// hasErrors reports whether any of the problems is an error.
func hasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == spec.Error })
}
