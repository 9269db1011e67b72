package decode

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/textfile"
)

// Questions are what a decoding asked of the world, without the answers. Who
// changes a configuration a little most likely asks the same again: a bundle
// can be made from the questions without decoding anything ([Answer]).
type Questions struct {
	Env     []string // names of environment variables
	Inherit []string // patterns of inherit_env
	Files   []string // paths, that were read
	Dirs    []string // that were listed
	Paths   []string // that were looked at
	Users   []string
	Groups  []string
}

// The kinds of questions, beside those of accounts.
const (
	askedEnv     = "env"
	askedInherit = "inherit"
	askedFile    = "file"
	askedDir     = "directory"
	askedPath    = "path"
)

// asked collects questions by their kind.
type asked map[string]map[string]bool

func (a asked) add(kind, name string) {
	if a[kind] == nil {
		a[kind] = map[string]bool{}
	}
	a[kind][name] = true
}

func (a asked) questions() *Questions {
	list := func(kind string) []string { return slices.Sorted(maps.Keys(a[kind])) }
	return &Questions{
		Env: list(askedEnv), Inherit: list(askedInherit), Files: list(askedFile), Dirs: list(askedDir),
		Paths: list(askedPath), Users: list(accountUser), Groups: list(accountGroup),
	}
}

// questions are those that the answers are to.
func (a *answers) questions() *Questions {
	q := asked{}
	for name := range a.env {
		q.add(askedEnv, name)
	}
	for _, pattern := range a.patterns {
		q.add(askedInherit, pattern)
	}
	for path := range a.files {
		q.add(askedFile, path)
	}
	for path := range a.dirs {
		q.add(askedDir, path)
	}
	for path := range a.stats {
		q.add(askedPath, path)
	}
	for key := range a.accounts {
		kind, name, _ := strings.Cut(key, " ")
		q.add(kind, name)
	}
	return q.questions()
}

// Answer makes a bundle of the answers that the world gives now to questions
// of an earlier decoding. It decodes nothing: whether the configuration is
// right, and asks nothing else, is found by Replay, which is then as right
// about it as Load. Where there can be no such bundle it returns nil.
func Answer(o Options, q *Questions) *Bundle {
	r := newRecorder(o)
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil
	}
	l := newLoader(Options{Path: o.Path, Dir: dir, Environ: o.Environ})
	if !slices.Contains(q.Paths, l.absolute(o.Path)) {
		return nil // it is another configuration
	}
	r.dir, r.patterns = dir, q.Inherit
	wanted := append(slices.Clone(baseNames), q.Inherit...)
	r.environ = pickEnvironment(l.environ, wanted)
	for _, pair := range l.environ {
		if strings.HasPrefix(pair, variablePrefix) {
			r.environ = append(r.environ, pair)
		}
	}
	slices.Sort(r.environ)
	for _, path := range q.Paths {
		_, _ = r.Stat(path)
	}
	for _, path := range q.Dirs {
		_, _ = r.ReadDir(path)
	}
	for _, path := range q.Files {
		if info, err := r.Stat(path); err == nil && textfile.Check(info, maxFile) != nil {
			return nil
		}
		_, _ = r.ReadFile(path)
	}
	for _, name := range q.Env {
		r.lookupEnv(name)
	}
	for _, name := range q.Users {
		_ = r.lookupAccount(accountUser)(name)
	}
	for _, name := range q.Groups {
		_ = r.lookupAccount(accountGroup)(name)
	}
	b := &Bundle{answers: r.answers}
	if b.measure(r, l) != nil {
		return nil
	}
	return b
}
