package decode

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/syndicate/syndicate/spec"
)

// maxBundle is the size that no bundle exceeds, in bytes.
const maxBundle = 64 << 20

// Bundle is a configuration with everything that decoding it asked of the
// world: files, directories, the environment, variables, accounts. From it
// another process decodes the same system, reading nothing ([Replay]).
//
// A bundle holds secrets. It belongs in memory and on sockets, never in a
// file, and printing one shows nothing.
type Bundle struct {
	answers   *answers
	size      int
	config    map[string]bool   // paths of the configuration's files
	names     map[string]string // of paths, as diagnostics show them
	variables []*spec.Variable
	inherited []string // NAME=value, sorted
}

// String keeps a bundle from being printed.
func (b *Bundle) String() string { return fmt.Sprintf("bundle of %d bytes", b.size) }

// GoString keeps %#v from printing a bundle.
func (b *Bundle) GoString() string { return b.String() }

// Record is Load, and keeps what the decoding was told. A configuration that
// reads more than a bundle can hold, 64 MiB, is an error among the
// diagnostics. The bundle is never nil; with errors there is no use for it
// but Inputs.
func Record(o Options) (*Result, spec.Diagnostics, *Bundle) {
	r := newRecorder(o)
	o.FS, o.LookupEnv = r, r.lookupEnv
	o.LookupUser, o.LookupGroup = r.lookupAccount(accountUser), r.lookupAccount(accountGroup)
	o.Host, o.Superuser = &r.host, &r.superuser
	l := newLoader(o)
	r.dir = l.dir
	res, ds := l.load()
	b := &Bundle{
		answers: r.answers, config: map[string]bool{}, names: map[string]string{}, variables: l.system.Variables,
	}
	for _, f := range l.files {
		b.config[f.path] = true
	}
	for path := range r.files {
		b.names[path] = l.display(path)
	}
	for path := range r.stats {
		b.names[path] = l.display(path)
	}
	b.takeEnvironment(l)
	res.Questions = r.questions()
	if d := b.measure(r, l); d != nil {
		ds = append(ds, convertDiagnostic(d))
		ds.Sort()
	}
	return res, ds, b
}

func newRecorder(o Options) *recorder {
	r := &recorder{
		answers: &answers{
			path: o.Path, stateDir: o.StateDir, requireVariables: o.RequireVariables, vars: o.Vars,
			profiles: o.Profiles, ports: o.Ports,
			env: map[string]envAnswer{}, files: map[string]fileAnswer{}, dirs: map[string]dirAnswer{},
			stats: map[string]statAnswer{}, accounts: map[string]errorAnswer{},
		},
		fs: o.FS, look: o.LookupEnv, room: maxBundle,
		account: map[string]func(string) error{accountUser: o.LookupUser, accountGroup: o.LookupGroup},
	}
	if r.fs == nil {
		r.fs = osFS{}
	}
	if r.look == nil {
		r.look = os.LookupEnv
	}
	if o.LookupUser == nil {
		r.account[accountUser] = lookupUser
	}
	if o.LookupGroup == nil {
		r.account[accountGroup] = lookupGroup
	}
	if o.Host != nil {
		r.host = *o.Host
	} else {
		r.host = *thisHost(r.fs)
	}
	r.superuser = os.Geteuid() == 0
	if o.Superuser != nil {
		r.superuser = *o.Superuser
	}
	return r
}

// takeEnvironment keeps the part of the environment that decoding used: the
// base environment, what inherit_env matched, and values of variables.
func (b *Bundle) takeEnvironment(l *loader) {
	b.answers.patterns = slices.Sorted(maps.Keys(l.patterns))
	base := map[string]bool{}
	for _, pair := range baseEnvironment(l.environ) {
		base[pair] = true
	}
	for _, pair := range l.environ {
		name, _, _ := strings.Cut(pair, "=")
		short, isOurs := strings.CutPrefix(name, variablePrefix)
		if base[pair] || l.inherited[pair] || isOurs && l.variables[short] != nil {
			b.answers.environ = append(b.answers.environ, pair)
		}
		if l.inherited[pair] {
			b.inherited = append(b.inherited, pair)
		}
	}
}

// measure determines the size of the bundle, and says why there can be none.
func (b *Bundle) measure(r *recorder, l *loader) *hcl.Diagnostic {
	if !filepath.IsAbs(b.answers.dir) {
		return mistake(CodeFile, hcl.Range{}, "No working directory",
			"The directory that this command was started in does not exist any more. Change into one that does.")
	}
	p := packer{dry: true}
	p.answers(b.answers)
	size := len(bundleHead) + sha256.Size + p.size
	var why string
	switch {
	case p.items > maxItems:
		why = fmt.Sprintf("has more than %d parts", maxItems)
	case r.room < 0 || size > maxBundle:
		why = fmt.Sprintf("has more than 64 MiB altogether (%s alone has %d bytes)", l.display(r.largest), r.most)
	default:
		b.size = size
		return nil
	}
	return mistake(CodeLimit, hcl.Range{}, "Configuration is too large to hand over", fmt.Sprintf(
		"What the configuration reads %s, which is more than can be handed to the engine. Let the services read large files themselves.", why))
}

// Bytes returns the bundle as Replay takes it: at most 64 MiB, and nil where
// Record said that it is larger.
func (b *Bundle) Bytes() []byte {
	if b.size == 0 {
		return nil
	}
	return packBundle(b.answers, b.size)
}

// Override is what Replay takes from elsewhere than the bundle.
type Override struct {
	// Ports are those of Options, as chosen for the life of the system; nil
	// are the bundle's.
	Ports map[string]int
	// Environ is the environment that the life of the system began with:
	// the base environment of children is taken from it. Nil is the
	// bundle's.
	Environ []string
	// Superuser says whether the engine runs as root; nil is what it was
	// where the bundle was made.
	Superuser *bool
}

// Replay decodes a bundle. It gives the result and the diagnostics that
// Record gave, and never asks the file system, the environment or the
// machine: a question whose answer was not recorded is an error diagnostic,
// and so are bytes that are no bundle. The bytes must not change afterwards.
func Replay(data []byte, over Override) (*Result, spec.Diagnostics) {
	a, err := unpackBundle(data)
	if err != nil {
		d := mistake(CodeFile, hcl.Range{}, "Bundle cannot be read", fmt.Sprintf("The bundle %s.", err))
		return &Result{System: &spec.System{}, Sources: map[string][]byte{}}, convertDiagnostics(hcl.Diagnostics{d})
	}
	r := &replayer{answers: a, asked: asked{}, missing: map[string]bool{}}
	o := Options{
		Path: a.path, Dir: a.dir, FS: r, LookupEnv: r.lookupEnv, Environ: a.environ, Vars: a.vars,
		StateDir: a.stateDir, RequireVariables: a.requireVariables, Profiles: a.profiles, Ports: a.ports,
		LookupUser: r.lookupAccount(accountUser), LookupGroup: r.lookupAccount(accountGroup),
		Host: &a.host, Superuser: &a.superuser,
	}
	if o.Environ == nil {
		o.Environ = []string{}
	}
	if over.Ports != nil {
		o.Ports = over.Ports
	}
	if over.Superuser != nil {
		o.Superuser = over.Superuser
	}
	l := newLoader(o)
	res, ds := l.load()
	r.inherits(l.patterns)
	res.Questions = r.asked.questions()
	if over.Environ != nil {
		res.System.Environ = baseEnvironment(slices.Sorted(slices.Values(over.Environ)))
	}
	ds = append(ds, r.diagnostics()...)
	ds.Sort()
	return res, ds
}

// The kinds of inputs, in words that messages use.
const (
	InputConfiguration = "configuration file"
	InputFile          = "file" // values of variables, env_file, file, templatefile
	InputPath          = "path" // only whether it is there, and what it is
	InputVariable      = "variable"
	InputEnv           = "environment variable"
	InputInherited     = "inherited variable"
	InputProfile       = "profile"
)

// Input is one thing that a configuration is made of, with a digest that
// changes when it does.
type Input struct {
	Kind   string
	Name   string
	Digest string
}

// Inputs lists what the configuration was made of, in order of kind and name.
// The digests of the configuration's own files are plain; all others, which
// may be of secrets, are made with the key and say nothing without it. The
// base environment is no input: it counts only where a life begins.
func (b *Bundle) Inputs(key []byte) []Input {
	out := []Input{}
	add := func(h hash.Hash, kind, name, content string) {
		_, _ = fmt.Fprintf(h, "%s\x00%s\x00%s", kind, name, content)
		out = append(out, Input{kind, name, hex.EncodeToString(h.Sum(nil))})
	}
	keyed := func(kind, name, content string) { add(hmac.New(sha256.New, key), kind, name, content) }
	for path, f := range b.answers.files {
		content := "content " + string(f.data)
		if f.err.text != "" {
			content = "error " + f.err.text
		}
		if b.config[path] {
			add(sha256.New(), InputConfiguration, b.names[path], content)
		} else {
			keyed(InputFile, b.names[path], content)
		}
	}
	for path, s := range b.answers.stats {
		if _, read := b.answers.files[path]; !read {
			keyed(InputPath, b.names[path], s.mode.Type().String()+s.err.text)
		}
	}
	for _, v := range b.variables {
		if v.Origin != "" {
			keyed(InputVariable, v.Name, v.Value.Reveal())
		}
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(b.answers.profiles))) {
		add(sha256.New(), InputProfile, name, "active")
	}
	for name, e := range b.answers.env {
		keyed(InputEnv, name, fmt.Sprintf("%t %s", e.set, e.value))
	}
	for _, pair := range b.inherited {
		name, value, _ := strings.Cut(pair, "=")
		keyed(InputInherited, name, value)
	}
	slices.SortFunc(out, func(x, y Input) int {
		return strings.Compare(x.Kind+"\x00"+x.Name+"\x00"+x.Digest, y.Kind+"\x00"+y.Name+"\x00"+y.Digest)
	})
	return out
}
