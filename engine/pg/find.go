package pg

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Binaries are the programs of one installed PostgreSQL.
type Binaries struct {
	Dir     string // absolute, holds postgres and initdb
	Version string // 15.18
	Major   int    // 15
}

// Path returns the absolute path of one program.
func (b Binaries) Path(program string) string { return filepath.Join(b.Dir, program) }

// FindConfig says which PostgreSQL is wanted and where to look for it.
type FindConfig struct {
	BinDir string // declared in the configuration: nowhere else is looked
	// DataMajor is the version of an existing data directory; it comes
	// before Major. 0: there is none.
	DataMajor int
	Major     int // the declared version; 0: the newest

	// Runner runs "pg_config --bindir" and "postgres --version"; nil runs
	// them directly, for callers that supervise nothing.
	Runner Runner
	// Getenv reads the caller's environment (SYNDICATE_PG_BIN, PATH, HOME,
	// XDG_CACHE_HOME); nil is os.Getenv.
	Getenv func(string) string
	// Root is put before the well-known directories, for tests; "" is /.
	Root string
}

// place is one directory that may hold the programs, and why it is looked at.
type place struct {
	dir string
	why string
}

// Find returns the PostgreSQL to use. It looks, in this order, at BinDir,
// $SYNDICATE_PG_BIN, what pg_config on PATH says, the directories of Debian,
// of Red Hat, of Homebrew, of Postgres.app, and syndicate's own cache. Of
// several it takes that of the data directory, else the declared major
// version, else the newest; of equals the first. Each is asked for its
// version by running it. Where none fits the error is a [*NotFoundError].
func Find(ctx context.Context, cfg FindConfig) (Binaries, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	if cfg.Runner == nil {
		cfg.Runner = direct{}
	}
	want := cmp.Or(cfg.DataMajor, cfg.Major)
	missing := &NotFoundError{Major: want, FromData: cfg.DataMajor != 0}
	var found []Binaries
	for _, p := range places(ctx, cfg) {
		b, note := inspect(ctx, cfg.Runner, p.dir)
		missing.Looked = append(missing.Looked, Looked{Dir: p.dir, Why: p.why, Result: note})
		if note != "" {
			continue
		}
		missing.Looked[len(missing.Looked)-1].Result = "PostgreSQL " + b.Version
		if !slices.ContainsFunc(found, func(o Binaries) bool { return o.Dir == b.Dir }) {
			found = append(found, b)
		}
	}
	if want != 0 {
		found = slices.DeleteFunc(found, func(b Binaries) bool { return b.Major != want })
	}
	if len(found) == 0 {
		missing.Install = installHint(installer(cfg), cmp.Or(want, packagedMajor(cfg))).as(os.Geteuid())
		return Binaries{}, missing
	}
	// Only an explicit directory comes before a newer version elsewhere.
	if explicit(cfg) && want == 0 {
		return found[0], nil
	}
	return slices.MaxFunc(found, newer), nil
}

// explicit reports whether a person named the directory to use.
func explicit(cfg FindConfig) bool {
	return cfg.BinDir != "" || cfg.Getenv("SYNDICATE_PG_BIN") != ""
}

// newer orders by version. Of equals slices.MaxFunc takes the first.
func newer(a, b Binaries) int {
	x, y := strings.Split(a.Version, "."), strings.Split(b.Version, ".")
	for i := range min(len(x), len(y)) {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if c := cmp.Compare(m, n); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// places lists where to look, in order, without repeats. An explicit
// directory is the only place: whoever names one does not want another.
func places(ctx context.Context, cfg FindConfig) []place {
	if cfg.BinDir != "" {
		return []place{{cfg.BinDir, "bin_dir"}}
	}
	if dir := cfg.Getenv("SYNDICATE_PG_BIN"); dir != "" {
		return []place{{dir, "$SYNDICATE_PG_BIN"}}
	}
	var all []place
	add := func(dir, why string) {
		if !slices.ContainsFunc(all, func(p place) bool { return p.dir == dir }) {
			all = append(all, place{dir, why})
		}
	}
	if dir := pgConfigDir(ctx, cfg.Runner, cfg.Getenv("PATH")); dir != "" {
		add(dir, "pg_config --bindir")
	} else {
		add("pg_config", "on PATH")
	}
	for _, p := range wellKnown(cfg) {
		dirs, _ := filepath.Glob(p.dir)
		hits := 0
		for _, dir := range dirs {
			if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
				add(dir, p.why)
				hits++
			}
		}
		if hits == 0 {
			add(p.dir, p.why)
		}
	}
	return all
}

// wellKnown lists the patterns of the directories that packages install to.
func wellKnown(cfg FindConfig) []place {
	home := cfg.Getenv("HOME")
	cache := cfg.Getenv("XDG_CACHE_HOME")
	if cache == "" && home != "" {
		cache = filepath.Join(home, ".cache")
	}
	patterns := []place{
		{cfg.Root + "/usr/lib/postgresql/*/bin", "Debian, Ubuntu"},
		{cfg.Root + "/usr/pgsql-*/bin", "Red Hat, Fedora"},
		{cfg.Root + "/usr/lib/postgresql[0-9]*/bin", "SUSE"},
		{cfg.Root + "/usr/libexec/postgresql[0-9]*", "Alpine"},
		{cfg.Root + "/usr/bin", "the distribution's own"},
		{cfg.Root + "/opt/homebrew/opt/postgresql@*/bin", "Homebrew"},
		{cfg.Root + "/usr/local/opt/postgresql@*/bin", "Homebrew"},
		{cfg.Root + "/Applications/Postgres.app/Contents/Versions/*/bin", "Postgres.app"},
	}
	if cache != "" {
		patterns = append(patterns,
			place{filepath.Join(cache, "syndicate/pg/*"), "cache"},
			place{filepath.Join(cache, "syndicate/pg/*/bin"), "cache"})
	}
	return patterns
}

// pgConfigDir asks the pg_config on path where the programs are, and returns
// "" where there is none.
func pgConfigDir(ctx context.Context, r Runner, path string) string {
	for _, dir := range filepath.SplitList(path) {
		program := filepath.Join(dir, "pg_config")
		if info, err := os.Stat(program); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		if out, err := ask(ctx, r, program, "--bindir"); err == nil {
			return strings.TrimSpace(out)
		}
	}
	return ""
}

var versionRE = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\(PostgreSQL\) (\d+)((?:\.\d+)*)`)
})

// inspect asks the server in dir for its version. note says what is wrong
// with dir, and is empty where nothing is.
func inspect(ctx context.Context, r Runner, dir string) (b Binaries, note string) {
	if strings.Contains(dir, "*") || dir == "pg_config" {
		return b, "not there"
	}
	if _, err := os.Stat(dir); err != nil {
		return b, "not there"
	}
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
			return b, "has no " + program
		}
	}
	out, err := ask(ctx, r, filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return b, "postgres --version: " + err.Error()
	}
	m := versionRE().FindStringSubmatch(out)
	if m == nil {
		return b, fmt.Sprintf("postgres --version says %q", strings.TrimSpace(out))
	}
	major, err := strconv.Atoi(m[1])
	if err != nil {
		return b, fmt.Sprintf("postgres --version says %q", strings.TrimSpace(out))
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return b, err.Error()
	}
	return Binaries{Dir: abs, Version: m[1] + m[2], Major: major}, ""
}

// ask runs a program that prints one line and ends.
func ask(ctx context.Context, r Runner, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := r.Run(ctx, Command{
		Argv: append([]string{program}, args...), Dir: "/",
		Env: []string{"LC_ALL=C", "PATH=/usr/bin:/bin"},
	})
	return string(out), err
}

// installer names the package manager of this machine: apt, dnf, apk, zypper,
// pacman, brew, or nothing.
func installer(cfg FindConfig) string {
	if runtime.GOOS == "darwin" {
		return "brew"
	}
	for _, m := range []struct{ name, program string }{
		{"apt", "apt-get"}, {"dnf", "dnf"}, {"apk", "apk"},
		{"zypper", "zypper"}, {"pacman", "pacman"}, {"brew", "brew"},
	} {
		for _, dir := range filepath.SplitList(cfg.Getenv("PATH")) {
			if info, err := os.Stat(filepath.Join(dir, m.program)); err == nil && info.Mode()&0o111 != 0 {
				return m.name
			}
		}
	}
	return ""
}

// packagedMajor guesses which major version this machine's distribution
// packages, from its release; 0 where unknown.
func packagedMajor(cfg FindConfig) int {
	text, err := os.ReadFile(cfg.Root + "/etc/os-release")
	if err != nil {
		return 0
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		fields[name] = strings.Trim(value, `"`)
	}
	return map[string]int{
		"debian 11": 13, "debian 12": 15, "debian 13": 17,
		"ubuntu 22.04": 14, "ubuntu 24.04": 16, "ubuntu 25.10": 17, "ubuntu 26.04": 18,
	}[fields["ID"]+" "+fields["VERSION_ID"]]
}
