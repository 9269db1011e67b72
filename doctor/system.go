package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/spec"
)

// postgres looks for the programs of PostgreSQL. They are missed only where
// a managed database is declared.
func (e *exam) postgres(ctx context.Context) {
	if e.Postgres == nil {
		return
	}
	var managed []*spec.Database
	if e.System != nil {
		for _, db := range e.System.Databases {
			if db.Managed != nil && db.Source == "managed" {
				managed = append(managed, db)
			}
		}
	}
	if len(managed) == 0 {
		pg := e.Postgres(ctx, nil)
		if pg.Found != "" {
			e.find("PostgreSQL", OK, "PostgreSQL "+pg.Found, nil, nil)
			return
		}
		e.find("PostgreSQL", Note, "PostgreSQL is not installed; only a managed database needs it", pg.Looked, pg.Install)
		return
	}
	for _, db := range managed {
		pg := e.Postgres(ctx, db)
		if pg.Found != "" {
			e.find("PostgreSQL", OK, fmt.Sprintf("%s runs with PostgreSQL %s", db.Addr, pg.Found), nil, nil)
			continue
		}
		e.find("PostgreSQL", Problem, fmt.Sprintf("no PostgreSQL fits %s", db.Addr), pg.Looked, pg.Install)
	}
}

// state looks at the state directory.
func (e *exam) state() {
	if e.System == nil || e.System.StateDir == "" || e.State == nil {
		return
	}
	dir := e.System.StateDir
	st, err := e.State(dir)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		e.find("state", Problem, fmt.Sprintf("the state directory %s cannot be read", dir), []string{err.Error()},
			[]string{"make it yours, or name another with --state-dir"})
		return
	case st.Held:
		e.held = true
		e.find("state", OK, fmt.Sprintf("the system runs: process %d holds %s", st.PID, dir), nil, nil)
		if len(st.Unwritten) > 0 {
			e.find("state", Warning, "the running system cannot write all that it should", st.Unwritten,
				[]string{"make room, or have it writable again; what runs goes on, and writes again by itself then"})
		}
	case st.Config != "" && e.ConfigPath != "" && st.Config != e.ConfigPath:
		e.find("state", Problem, fmt.Sprintf("the state directory %s belongs to another configuration", dir),
			[]string{"It is used by " + st.Config + "."},
			[]string{"give one of the two another state_dir in its syndicate block, or name another with --state-dir"})
		return
	case st.Life != "":
		e.stale(dir, st)
	}
	e.writable(dir)
}

// stale tells of an engine that did not end in good order.
func (e *exam) stale(dir string, st State) {
	details := []string{fmt.Sprintf("Process %d, which held %s, ended without stopping its services.", st.PID, dir)}
	if e.Leftovers != nil {
		if n := e.Leftovers(st.Life); n > 0 {
			details = append(details, fmt.Sprintf("%d of their processes still run.", n))
		} else {
			details = append(details, "None of their processes runs any more.")
		}
	}
	e.find("state", Warning, "an earlier engine died", details,
		[]string{"syndicate up ends what is left, and starts anew", "syndicate down only ends what is left"})
}

// writable looks whether the state directory can be written, or made, and
// how much room there is.
func (e *exam) writable(dir string) {
	at := dir
	for {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	if err := unix.Access(at, unix.W_OK|unix.X_OK); err != nil {
		e.find("state", Problem, fmt.Sprintf("the state directory %s cannot be written", dir),
			[]string{fmt.Sprintf("%s: %v", at, err)}, []string{"make it yours, or name another with --state-dir"})
		return
	}
	var st unix.Statfs_t
	if unix.Statfs(at, &st) != nil {
		return
	}
	if st.Files > 0 && st.Ffree == 0 {
		e.find("state", Warning, "no more files can be made where the state directory is, whatever room there is",
			[]string{"Every file takes an inode there, and all of them are taken: see df -i " + at + "."}, []string{"remove some of the many files that are there"})
	}
	const little = 100 << 20
	if free := uint64(st.Bavail) * uint64(st.Bsize); free < little {
		e.find("state", Warning, fmt.Sprintf("only %s are free where the state directory is", spec.Size(free)),
			[]string{"Log files, and the data of managed databases, are written to " + dir + "."}, []string{"make room"})
	}
}

// programs looks for what the commands run.
func (e *exam) programs() {
	if e.System == nil {
		return
	}
	missing := map[string][]string{}
	look := func(addr spec.Addr, c *spec.Command) {
		if c.Shell || len(c.Argv) == 0 {
			return
		}
		name, known := c.Argv[0].Value()
		if known && name != "" && !e.runs(name, c) {
			missing[name] = append(missing[name], addr.String())
		}
	}
	for _, s := range e.System.Services {
		look(s.Addr, &s.Command)
	}
	for _, t := range e.System.Tasks {
		if t.Run == "up" && t.HTTP == nil {
			look(t.Addr, &t.Command)
		}
	}
	var names []string
	for name := range missing {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		e.find("programs", Problem, fmt.Sprintf("the program %s is not there", name),
			[]string{"It is run by " + strings.Join(missing[name], ", ") + "."},
			[]string{"install it, or mend the command"})
	}
}

// runs reports whether a command's program can be executed: as the child
// would find it, by its own directory and PATH.
func (e *exam) runs(name string, c *spec.Command) bool {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(c.Dir, name)
		}
		_, err := exec.LookPath(name)
		return err == nil
	}
	path := ""
	for _, pair := range e.System.Environ {
		if v, ok := strings.CutPrefix(pair, "PATH="); ok {
			path = v
		}
	}
	for _, v := range c.Env {
		if v.Name == "PATH" {
			text, known := v.Value.Value()
			if !known {
				return true // told only later
			}
			path = text.Reveal()
		}
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(c.Dir, dir)
		}
		if _, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// environment names the variables that no service gets, and those that only
// some do.
func (e *exam) environment() {
	if e.System == nil {
		return
	}
	var units []map[string]bool
	for _, s := range e.System.Services {
		units = append(units, s.Given())
	}
	for _, t := range e.System.Tasks {
		if len(t.Argv) > 0 {
			units = append(units, t.Given())
		}
	}
	given := map[string]bool{}
	for _, own := range units {
		maps.Copy(given, own)
	}
	withheld := e.System.Withheld(e.Environ, given)
	if len(withheld) == 0 {
		return
	}
	var some []string
	for _, own := range units {
		some = append(some, slices.DeleteFunc(e.System.Withheld(e.Environ, own), func(name string) bool { return !given[name] })...)
	}
	details := []string{strings.Join(withheld, " ")}
	if len(some) > 0 {
		slices.Sort(some)
		details = append(details, "Only some get: "+strings.Join(slices.Compact(some), " "))
	}
	summary := fmt.Sprintf("%d variables of this environment reach no service", len(withheld))
	if len(withheld) == 1 {
		summary = "1 variable of this environment reaches no service"
	}
	e.find("environment", Note, summary,
		details,
		[]string{`name those that a service needs: inherit_env = ["NODE_*"], or env = { NAME = env("NAME") }`})
}
