package decode

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/syndicate/syndicate/spec"
)

// Options say what to decode, and where the answers come from that the text
// itself does not give.
type Options struct {
	// Path is a file, or a directory whose files are read as one; relative
	// to Dir. Empty is Dir itself.
	Path string
	// Dir is the working directory, which diagnostics name files relative
	// to where that is shorter. Empty is the process's own.
	Dir string
	// FS reads files. Nil is the operating system's.
	FS FS
	// LookupEnv answers env(). Nil is os.LookupEnv.
	LookupEnv func(string) (string, bool)
	// Environ is what children may inherit and where SYNDICATE_VAR_* are
	// looked for. Nil is os.Environ.
	Environ []string
	// Vars are the values that flags give, in the order given.
	Vars []Assignment
	// StateDir overrides the declared state directory; relative to Dir.
	StateDir string
	// RequireVariables makes a variable without a value an error. Without
	// it such a variable is unknown, and so is what is made of it.
	RequireVariables bool
	// Profiles are those that are active: a block with others alone does not
	// exist.
	Profiles []string
	// Ports are the numbers chosen for ports that are "auto": by the
	// block's address (service.api), and by address, dot and name for those
	// of `ports` (service.api.admin).
	Ports map[string]int
	// LookupUser and LookupGroup return an error for an account that this
	// machine does not know. Nil asks the machine.
	LookupUser, LookupGroup func(string) error
	// Host answers host.cpus and its siblings. Nil asks the machine.
	Host *Host
	// Superuser says whether the engine will run as root, which decides
	// where a managed database keeps its data. Nil asks the machine.
	Superuser *bool

	// types is what reflection has found out already; nil starts anew.
	types *structures
	// bounds are other than the usual ones where they are set.
	bounds bounds
}

// Host is what the built-in object host says of a machine.
type Host struct {
	CPUs   int
	Memory int64 // bytes
	// Limit is what the control group of this process may use of it, in
	// bytes; 0 is no limit.
	Limit    int64
	Hostname string
}

// Assignment is a value that a flag gives to a variable, or a file of them.
type Assignment struct {
	Name  string // --var NAME=VALUE
	Value string
	File  string // --var-file FILE, relative to Options.Dir; then Name is empty
}

// Result is what Load gives.
type Result struct {
	// System is as complete as the mistakes allow, and never nil.
	System *spec.System
	// Sources are the bytes of every file, by the name that ranges use.
	// Values of variables that flags and the environment give are here too,
	// unless they are sensitive.
	Sources map[string][]byte
	// Profiles are those that blocks name, sorted.
	Profiles []string
	// Questions are what was asked of the world; Record and Replay tell.
	Questions *Questions
}

// Load decodes a configuration. Whatever is wrong with it comes back as
// diagnostics, sorted; with errors among them the system must not be run.
// Load never panics, whatever the files hold.
func Load(o Options) (*Result, spec.Diagnostics) {
	return newLoader(o).load()
}

// load decodes. It is called once.
func (l *loader) load() (*Result, spec.Diagnostics) {
	l.read()
	l.profiles.unsure = l.problems.HasErrors()
	l.layOut()
	l.readSyndicate()
	l.readVariables()
	l.readLocals()
	l.expandAll()
	l.build()
	ds := l.finish()
	ds = append(ds, spec.Check(l.system)...)
	l.giveContext(ds)
	ds = l.withoutConsequences(ds)
	ds.Sort()
	l.functions.seal()
	return &Result{System: l.system, Sources: l.sources, Profiles: slices.Sorted(maps.Keys(l.profiles.declared))}, ds
}

// loader is the state of one Load. Once it is over, only evaluations of
// values that were unknown use it, and they only read.
type loader struct {
	o       Options
	dir     string // absolute: the working directory
	fs      FS
	types   *structures
	bounds  bounds
	files   []*file
	sources map[string][]byte
	system  *spec.System
	single  bool // the path names one file
	// headOnly says that nothing but the syndicate block matters.
	headOnly bool

	blocks    map[spec.Addr]*block
	ordered   []*block // by address
	variables map[string]*variable
	locals    map[string]*local
	functions *functions
	eval      *evaluator
	problems  hcl.Diagnostics
	secretsMu sync.Mutex
	secrets   map[string]bool // guarded by secretsMu
	lookupEnv func(string) (string, bool)
	environ   []string
	inherited map[string]bool // NAME=value pairs that inherit_env matched
	patterns  map[string]bool // of inherit_env
	vague     bool            // some variable has no value
	unread    map[string]bool // names of files that could be read in part only
	profiles  profiles
	marks     map[string][]marker
	offers    map[spec.Kind]members
}

// report keeps diagnostics for the end.
func (l *loader) report(diags ...*hcl.Diagnostic) { l.problems = append(l.problems, diags...) }

func newLoader(o Options) *loader {
	l := &loader{
		o: o, fs: o.FS, types: o.types, bounds: o.bounds,
		sources:   map[string][]byte{},
		system:    &spec.System{Degraded: "allow", OnFailure: "continue"},
		blocks:    map[spec.Addr]*block{},
		variables: map[string]*variable{},
		locals:    map[string]*local{},
		secrets:   map[string]bool{},
		lookupEnv: o.LookupEnv,
		environ:   o.Environ,
		inherited: map[string]bool{},
		patterns:  map[string]bool{},
		marks:     map[string][]marker{},
		offers:    offers(),
	}
	if l.bounds == (bounds{}) {
		l.bounds = usualBounds()
	}
	if l.types == nil {
		l.types = new(structures)
	}
	if l.fs == nil {
		l.fs = osFS{}
	}
	if l.lookupEnv == nil {
		l.lookupEnv = os.LookupEnv
	}
	if l.environ == nil {
		l.environ = os.Environ()
	}
	l.environ = slices.Clone(l.environ)
	slices.Sort(l.environ)
	l.dir = o.Dir
	if abs, err := filepath.Abs(l.dir); err == nil {
		l.dir = abs
	}
	l.functions = newFunctions(l)
	l.eval = newEvaluator(l, nil)
	l.eval.report = l.report
	return l
}

// finish completes the system and returns the diagnostics of the decoding.
func (l *loader) finish() spec.Diagnostics {
	l.system.Environ = baseEnvironment(l.environ)
	ds := convertDiagnostics(l.problems)
	for i := range ds {
		ds[i].Summary = l.hide(ds[i].Summary)
		ds[i].Detail = l.hide(ds[i].Detail)
	}
	return ds
}

// hide replaces every sensitive value that has come by in a text that HCL or
// a function composed: such texts may quote what they were given.
func (l *loader) hide(text string) string {
	l.secretsMu.Lock()
	defer l.secretsMu.Unlock()
	for s := range l.secrets {
		if len(s) >= 3 && strings.Contains(text, s) && !l.isName(s) {
			text = strings.ReplaceAll(text, s, spec.Hidden)
		}
	}
	return text
}

// isName reports whether a text is a name that the configuration declares: a
// secret that is one as well cannot be told from it.
func (l *loader) isName(s string) bool {
	if l.variables[s] != nil || l.locals[s] != nil {
		return true
	}
	for _, k := range spec.Kinds {
		if string(k) == s || l.blocks[spec.Addr{Kind: k, Name: s}] != nil {
			return true
		}
	}
	return false
}

// inherit picks what inherit_env matches, and remembers it.
func (l *loader) inherit(patterns []string) []string {
	if len(patterns) == 0 {
		return nil
	}
	for _, p := range patterns {
		l.patterns[p] = true
	}
	out := pickEnvironment(l.environ, patterns)
	for _, pair := range out {
		l.inherited[pair] = true
	}
	return out
}

// baseNames are the variables that every child gets from whoever began the
// life of the system; names that end in * are prefixes.
var baseNames = []string{"PATH", "HOME", "USER", "SHELL", "LANG", "LC_*", "TZ", "TMPDIR", "TERM"}

// baseEnvironment picks the base environment of children.
func baseEnvironment(environ []string) []string {
	return pickEnvironment(environ, baseNames)
}

// pickEnvironment returns the NAME=value pairs of a sorted environment whose
// names match a pattern. What belongs to the engine alone never matches.
func pickEnvironment(environ, patterns []string) []string {
	var out []string
	for _, pair := range environ {
		name, _, ok := strings.Cut(pair, "=")
		if !ok || name == "" || ownVariable(name) {
			continue
		}
		for _, p := range patterns {
			prefix, isPattern := strings.CutSuffix(p, "*")
			if name == p || isPattern && strings.HasPrefix(name, prefix) {
				out = append(out, pair)
				break
			}
		}
	}
	return out
}

// ownVariable reports whether a variable is the engine's own and never a
// child's.
func ownVariable(name string) bool {
	return strings.HasPrefix(name, "SYNDICATE_VAR_") || strings.HasPrefix(name, "LISTEN_") ||
		name == "NOTIFY_SOCKET"
}
