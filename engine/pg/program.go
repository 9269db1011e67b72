package pg

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Program is one of PostgreSQL's programs for clients: psql, pg_dump.
type Program struct {
	Path  string // absolute
	Major int
}

// FindProgram returns the program to use with a server of a major version.
// It looks where [Find] does, also where only clients are installed, and on
// PATH, and takes the oldest that is not older than the server: an older one
// may not understand it, and pg_dump refuses. Where there is none of that kind
// it is the newest, for all but pg_dump: psql works, but for some of its own
// commands, and says so; pg_restore runs SQL that a newer server takes, too,
// which is how data move there.
func FindProgram(ctx context.Context, name string, server int, cfg FindConfig) (Program, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	if cfg.Runner == nil {
		cfg.Runner = direct{}
	}
	var all []Program
	for _, dir := range programDirs(cfg) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		out, err := ask(ctx, cfg.Runner, path, "--version")
		m := versionRE().FindStringSubmatch(out)
		if err != nil || m == nil {
			continue
		}
		major, err := strconv.Atoi(m[1])
		if err != nil {
			continue
		}
		all = append(all, Program{Path: path, Major: major})
	}
	var fit []Program
	for _, p := range all {
		if p.Major >= server {
			fit = append(fit, p)
		}
	}
	if len(fit) > 0 {
		return slices.MinFunc(fit, func(a, b Program) int { return cmp.Compare(a.Major, b.Major) }), nil
	}
	e := &Error{Op: "find " + name, Reason: "it is not installed"}
	if len(all) > 0 {
		newest := slices.MaxFunc(all, func(a, b Program) int { return cmp.Compare(a.Major, b.Major) })
		if name != "pg_dump" {
			return newest, nil
		}
		e.Reason = fmt.Sprintf("%s is of PostgreSQL %d, and the server is PostgreSQL %d: it needs one that is not older", newest.Path, newest.Major, server)
	}
	e.Remedy = clientHint(installer(cfg), server)
	return Program{}, e
}

// programDirs lists where clients may be: the most explicit first.
func programDirs(cfg FindConfig) []string {
	var dirs []string
	add := func(dir string) {
		if dir != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	add(cfg.BinDir)
	add(cfg.Getenv("SYNDICATE_PG_BIN"))
	for _, p := range wellKnown(cfg) {
		found, _ := filepath.Glob(p.dir)
		for _, dir := range found {
			add(dir)
		}
	}
	for _, dir := range filepath.SplitList(cfg.Getenv("PATH")) {
		if filepath.IsAbs(dir) {
			add(dir)
		}
	}
	return dirs
}

// clientHint is how to install the clients of a major version.
func clientHint(installer string, major int) string {
	switch installer {
	case "apt":
		return fmt.Sprintf("install it: apt-get install postgresql-client-%d (from apt.postgresql.org, where the distribution has another version)", major)
	case "dnf":
		return fmt.Sprintf("install it: dnf install postgresql%d", major)
	case "apk":
		return fmt.Sprintf("install it: apk add postgresql%d-client", major)
	case "zypper":
		return fmt.Sprintf("install it: zypper install postgresql%d", major)
	case "brew":
		return fmt.Sprintf("install it: brew install postgresql@%d", major)
	}
	return fmt.Sprintf("install the client programs of PostgreSQL %d", major)
}
