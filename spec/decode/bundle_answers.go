package decode

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/syndicate/syndicate/spec"
)

// answers are what a decoding asked, and was told.
type answers struct {
	path, dir, stateDir string
	requireVariables    bool
	vars                []Assignment
	profiles            []string
	ports               map[string]int
	host                Host
	superuser           bool

	environ  []string               // NAME=value, sorted: what was used of it
	patterns []string               // of inherit_env, sorted: environ has all that they match
	env      map[string]envAnswer   // by name
	files    map[string]fileAnswer  // by path, as the three below
	dirs     map[string]dirAnswer   //
	stats    map[string]statAnswer  //
	accounts map[string]errorAnswer // by account's key
}

type envAnswer struct {
	value string
	set   bool
}

type fileAnswer struct {
	data []byte
	err  errorAnswer
}

type dirAnswer struct {
	entries []entryAnswer
	err     errorAnswer
}

type statAnswer struct {
	size int64
	mode fs.FileMode
	err  errorAnswer
}

// errorAnswer is an error as decoding tells it; without text it is none.
type errorAnswer struct {
	text   string
	absent bool // it is fs.ErrNotExist
}

func newErrorAnswer(err error) errorAnswer {
	if err == nil {
		return errorAnswer{}
	}
	text := err.Error()
	var pe *fs.PathError
	if errors.As(err, &pe) {
		text = pe.Err.Error()
	}
	if text == "" {
		text = "unknown error"
	}
	return errorAnswer{text: text, absent: errors.Is(err, fs.ErrNotExist)}
}

// err returns the error, nil for none.
func (e errorAnswer) err() error {
	if e.text == "" {
		return nil
	}
	return &answeredError{e}
}

type answeredError struct{ errorAnswer }

func (e *answeredError) Error() string { return e.text }

func (e *answeredError) Is(target error) bool { return e.absent && target == fs.ErrNotExist }

// infoAnswer is a statAnswer as a fs.FileInfo. Times are not kept.
type infoAnswer struct {
	name string
	statAnswer
}

func (i infoAnswer) Name() string       { return i.name }
func (i infoAnswer) Size() int64        { return i.size }
func (i infoAnswer) Mode() fs.FileMode  { return i.mode }
func (i infoAnswer) ModTime() time.Time { return time.Time{} }
func (i infoAnswer) IsDir() bool        { return i.mode.IsDir() }
func (i infoAnswer) Sys() any           { return nil }

func (s statAnswer) info(path string) (fs.FileInfo, error) {
	if err := s.err.err(); err != nil {
		return nil, err
	}
	return infoAnswer{filepath.Base(path), s}, nil
}

// entryAnswer is one entry of a directory. Only its name and its type are
// kept: whoever wants more asks Stat.
type entryAnswer struct {
	name string
	kind fs.FileMode
}

func (e entryAnswer) Name() string               { return e.name }
func (e entryAnswer) IsDir() bool                { return e.kind.IsDir() }
func (e entryAnswer) Type() fs.FileMode          { return e.kind }
func (e entryAnswer) Info() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }

func (d dirAnswer) list() ([]fs.DirEntry, error) {
	out := make([]fs.DirEntry, len(d.entries))
	for i, e := range d.entries {
		out[i] = e
	}
	return out, d.err.err()
}

// recorder asks the world for a decoding, and keeps what it said: whoever
// asks again gets the same answer. Only decoding itself asks, in one
// goroutine.
type recorder struct {
	*answers
	fs      FS
	look    func(string) (string, bool)
	account map[string]func(string) error // by kind
	room    int                           // bytes of files that are still kept
	most    int                           // bytes of the largest file
	largest string                        // its path
}

func (r *recorder) ReadFile(path string) ([]byte, error) {
	got, ok := r.files[path]
	if !ok {
		data, err := r.fs.ReadFile(path)
		got = fileAnswer{data, newErrorAnswer(err)}
		if len(data) > r.most {
			r.most, r.largest = len(data), path
		}
		if r.room -= len(data); r.room >= 0 {
			r.files[path] = got
		}
	}
	return got.data, got.err.err()
}

func (r *recorder) ReadDir(path string) ([]fs.DirEntry, error) {
	got, ok := r.dirs[path]
	if !ok {
		entries, err := r.fs.ReadDir(path)
		got.err = newErrorAnswer(err)
		for _, e := range entries {
			got.entries = append(got.entries, entryAnswer{e.Name(), e.Type()})
		}
		r.dirs[path] = got
	}
	return got.list()
}

func (r *recorder) Stat(path string) (fs.FileInfo, error) {
	got, ok := r.stats[path]
	if !ok {
		info, err := r.fs.Stat(path)
		got.err = newErrorAnswer(err)
		if err == nil {
			got.size, got.mode = info.Size(), info.Mode()
		}
		r.stats[path] = got
	}
	return got.info(path)
}

func (r *recorder) lookupEnv(name string) (string, bool) {
	got, ok := r.env[name]
	if !ok {
		got.value, got.set = r.look(name)
		r.env[name] = got
	}
	return got.value, got.set
}

func (r *recorder) lookupAccount(kind string) func(string) error {
	return func(name string) error {
		key := accountKey(kind, name)
		got, ok := r.accounts[key]
		if !ok {
			got = newErrorAnswer(r.account[kind](name))
			r.accounts[key] = got
		}
		return got.err()
	}
}

// The kinds of accounts.
const (
	accountUser  = "user"
	accountGroup = "group"
)

func accountKey(kind, name string) string { return kind + " " + name }

// replayer gives a decoding the answers that were recorded, and remembers
// what was asked, and which answers were not there.
type replayer struct {
	*answers
	asked   asked
	missing map[string]bool
}

// miss remembers a question that was not recorded.
func (r *replayer) miss(kind, name string) error {
	r.missing[fmt.Sprintf("%s %s", kind, name)] = true
	return &answeredError{errorAnswer{text: "it is not part of the bundle"}}
}

func (r *replayer) ReadFile(path string) ([]byte, error) {
	r.asked.add(askedFile, path)
	got, ok := r.files[path]
	if !ok {
		return nil, r.miss("the file", path)
	}
	return got.data, got.err.err()
}

func (r *replayer) ReadDir(path string) ([]fs.DirEntry, error) {
	r.asked.add(askedDir, path)
	got, ok := r.dirs[path]
	if !ok {
		return nil, r.miss("the directory", path)
	}
	return got.list()
}

// Stat never says that a file is smaller than the content that comes with it,
// so that the bound of a file holds whatever a bundle says.
func (r *replayer) Stat(path string) (fs.FileInfo, error) {
	r.asked.add(askedPath, path)
	got, ok := r.stats[path]
	if !ok {
		return nil, r.miss("the path", path)
	}
	got.size = max(got.size, int64(len(r.files[path].data)))
	return got.info(path)
}

func (r *replayer) lookupEnv(name string) (string, bool) {
	r.asked.add(askedEnv, name)
	got, ok := r.env[name]
	if !ok {
		_ = r.miss("the environment variable", name)
	}
	return got.value, got.set
}

func (r *replayer) lookupAccount(kind string) func(string) error {
	return func(name string) error {
		r.asked.add(kind, name)
		got, ok := r.accounts[accountKey(kind, name)]
		if !ok {
			return r.miss("the "+kind, name)
		}
		return got.err()
	}
}

// inherits looks whether the bundle has all that patterns of inherit_env match.
func (r *replayer) inherits(patterns map[string]bool) {
	for pattern := range patterns {
		r.asked.add(askedInherit, pattern)
		if _, ok := slices.BinarySearch(r.patterns, pattern); !ok {
			_ = r.miss("what inherit_env matches with", pattern)
		}
	}
}

// diagnostics report the questions that were not recorded.
func (r *replayer) diagnostics() spec.Diagnostics {
	var out spec.Diagnostics
	for _, what := range slices.Sorted(maps.Keys(r.missing)) {
		out = append(out, convertDiagnostic(mistake(CodeFile, hcl.Range{}, "Answer is not in the bundle", fmt.Sprintf(
			"The configuration asks for %s, which it did not ask for when the bundle was made. Make the bundle anew: give the command once more, with the version of syndicate that runs the system.", what))))
	}
	return out
}
