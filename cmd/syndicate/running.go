package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/spec/decode"
	"github.com/syndicate/syndicate/statedir"
	"github.com/syndicate/syndicate/view"
)

// stateDirOf finds the state directory of the system that a command speaks
// to. Only the syndicate block is read, so that neither variables nor the
// rest of the configuration matter. Where that names no system that runs, or
// cannot be read, the one counts that was started from this configuration.
func (s *session) stateDirOf(operand string) (string, error) {
	dir, err := s.findStateDir(operand)
	if err == nil {
		err = s.awaitReturn(dir)
	}
	return dir, err
}

func (s *session) findStateDir(operand string) (string, error) {
	if s.stateDir != "" {
		return filepath.Abs(s.stateDir)
	}
	path, err := s.path(operand)
	if err != nil {
		return "", err
	}
	head, ds := decode.Head(decode.Options{Path: path})
	if !ds.HasErrors() && inUse(head.StateDir) {
		return head.StateDir, nil
	}
	base := filepath.Join(head.Dir, ".syndicate")
	found, err := statedir.Find(base, head.Path)
	if _, gone := os.Stat(head.Path); err == nil && len(found) == 0 && ds.HasErrors() && gone == nil {
		// It may be one of the files of a directory.
		found, err = statedir.Find(base, head.Dir)
	}
	if running := slices.DeleteFunc(slices.Clone(found), func(dir string) bool { return !inUse(dir) }); len(running) > 0 {
		found = running
	} else if !ds.HasErrors() {
		return head.StateDir, err
	}
	switch {
	case err != nil:
		return "", err
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", failWith(fmt.Errorf("several systems were started from %s: name one of %s", head.Path, strings.Join(found, ", ")),
			s.command("--state-dir", found[0]))
	}
	return "", s.reject(view.NewReport(ds, nil))
}

// returnWait is how long an engine may take to make its state directory anew
// that was removed under it.
const returnWait = 5 * time.Second

// awaitReturn waits for an engine whose state directory was removed to make it
// anew. It is an error where it does not, or where the directory was moved.
func (s *session) awaitReturn(dir string) error {
	for deadline := time.Now().Add(returnWait); ; time.Sleep(lookAgain) {
		switch info, held, _, err := holder(dir); {
		case err != nil || !held || !info.Removed:
			return nil // what is wrong is found by whoever looks for an engine
		case info.Moved != "":
			return s.moved(dir, info)
		case time.Now().After(deadline):
			return failWith(fmt.Errorf("the state directory %s of %s was removed while it runs (pid %d), and its engine does not make it anew", dir, info.Name, info.PID),
				fmt.Sprintf("kill %d   stops everything in order", info.PID))
		}
	}
}

// moved says where a state directory is now whose engine runs.
func (s *session) moved(dir string, info statedir.Info) error {
	return failWith(fmt.Errorf("%s runs (pid %d), and its state directory %s was moved to %s: move it back, or stop the system there",
		info.Name, info.PID, dir, info.Moved), fmt.Sprintf("syndicate --state-dir %s down", info.Moved))
}

// inUse reports whether a system runs in a state directory, or died there.
func inUse(dir string) bool {
	_, _, ok, err := holder(dir)
	return ok && err == nil
}

// absent says that nothing runs in a state directory.
func (s *session) absent(dir, operand string) error {
	return failWith(fmt.Errorf("no system runs here (state directory %s)", dir), s.again("up", operand))
}

// again is a command line for a hint, for the same configuration.
func (s *session) again(word, operand string) string {
	if operand == "" {
		return s.command(word)
	}
	return s.command(word, operand)
}

// hangs names an engine that takes connections and does not answer.
func (s *session) hangs(dir string, err error) error {
	if info, held, _, _ := holder(dir); held && info.PID != 0 {
		err = fmt.Errorf("%w (pid %d)", err, info.PID)
	}
	return failWith(err, s.command("doctor"))
}

// silent says that an engine holds a state directory and does not answer.
func (s *session) silent(dir string, info statedir.Info) error {
	if info.Moved != "" {
		return s.moved(dir, info)
	}
	if info.PID == 0 {
		return failWith(fmt.Errorf("an engine holds %s and does not answer", dir), s.command("doctor"))
	}
	if info.Doing != "" {
		return failWith(fmt.Errorf("no engine answers for %s: %s", info.Name, info.Doing), fmt.Sprintf("ps -fp %d", info.PID))
	}
	return failWith(fmt.Errorf("the engine of %s (pid %d) does not answer: it is about to start or to end, or hangs", info.Name, info.PID),
		fmt.Sprintf("ps -fp %d", info.PID))
}

// unanswered says why no engine answers in a state directory.
func (s *session) unanswered(dir, operand string) error {
	info, held, ok, err := holder(dir)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.absent(dir, operand)
	case held:
		return s.silent(dir, info)
	}
	return failWith(errors.New(view.Death(dead(dir, info))), s.again("status", operand))
}

// holder reads who holds a state directory; ok is false where no system ever
// was or the last one ended in good order.
func holder(dir string) (info statedir.Info, held, ok bool, err error) {
	info, held, err = statedir.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return info, false, false, nil
	}
	return info, held, err == nil && (held || info.Life != ""), err
}

// pickUnits returns the units that addresses on the command line name, in
// the order of known: a bare name where it is unambiguous, all instances
// where the key is left out, and a database together with its migrations.
func pickUnits(addresses, known []string) ([]string, error) {
	chosen := map[string]bool{}
	for _, text := range addresses {
		units, err := pickUnit(text, known)
		if err != nil {
			return nil, err
		}
		for _, id := range units {
			chosen[id] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(known), func(id string) bool { return !chosen[id] }), nil
}

// pick is pickUnits for a command line: who names a unit that there is not is
// led to those that there are, or told why there are none.
func (s *session) pick(addresses, known []string, none string) ([]string, error) {
	units, err := pickUnits(addresses, known)
	if err != nil && len(known) == 0 {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("%w: %s", err, none), hint: s.here("up")}
	}
	return units, ledTo(err, s.here("status"))
}

// Why there is no unit to name.
const (
	nothingRan      = "nothing has run here yet"
	nothingDeclared = "nothing is declared"
	noBreaker       = "no circuit breaker is declared"
)

// placed refuses a configuration among addresses, which may look like a unit
// that there is not: to these commands it is given before the command.
func (s *session) placed(addresses []string) error {
	for _, text := range addresses {
		if !strings.HasSuffix(text, ".hcl") && !strings.HasSuffix(text, ".hcl.json") {
			continue
		}
		if s.fileGiven() {
			return &exitError{code: exitUsage, err: fmt.Errorf("%s is no unit, and the configuration is named already: %s", text, s.file), hint: s.here("status")}
		}
		rest := slices.Clone(s.words)
		if at := slices.Index(rest, text); at >= 0 {
			rest = slices.Delete(rest, at, at+1)
		}
		return &exitError{
			code: exitUsage, err: fmt.Errorf("%s is no unit: the configuration stands before this command", text),
			hint: s.command(append([]string{"-f", text}, rest...)...),
		}
	}
	return nil
}

// ledTo gives a mistake on the command line another command that helps.
func ledTo(err error, hint string) error {
	own, ok := errors.AsType[*exitError](err)
	if !ok {
		return err
	}
	return &exitError{code: own.code, err: own.err, hint: hint}
}

func pickUnit(text string, known []string) ([]string, error) {
	if slices.Contains(known, text) {
		return []string{text}, nil
	}
	want, err := spec.ParseAddr(text)
	if err != nil {
		return nil, usage("%w", err)
	}
	var units []string
	kinds := map[spec.Kind]bool{}
	for _, id := range known {
		have, ok := unitAddr(id)
		if !ok || have.Name != want.Name || want.Kind != "" && have.Kind != want.Kind || want.Key != "" && have.Key != want.Key {
			continue
		}
		units = append(units, id)
		kinds[have.Kind] = true
	}
	switch {
	case len(kinds) > 1:
		return nil, usage("%q may be any of %s: write the kind, too", text, strings.Join(units, ", "))
	case len(units) == 0:
		return nil, usage("there is no unit %q%s", text, meant(text, known))
	}
	return units, nil
}

// unitAddr returns the address of the block that a unit belongs to.
func unitAddr(id string) (spec.Addr, bool) {
	a, err := spec.ParseAddr(id)
	if err == nil {
		return a, true
	}
	block, ok := strings.CutSuffix(id, ".migrations")
	if !ok {
		return spec.Addr{}, false
	}
	a, err = spec.ParseAddr(block)
	return a, err == nil
}

// meant suggests the unit that was probably meant, or lists them where they
// are few.
func meant(text string, known []string) string {
	const near, few = 3, 8
	best, distance := "", near
	for _, id := range known {
		candidates := []string{id}
		if a, ok := unitAddr(id); ok {
			candidates = append(candidates, a.Name, a.Block().String())
		}
		for _, c := range candidates {
			if d := levenshtein.Distance(text, c, nil); d < distance {
				best, distance = id, d
			}
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(known) == 1:
		return ": there is only " + known[0]
	case len(known) > 0 && len(known) <= few:
		return ": there are " + strings.Join(known, ", ")
	}
	return ""
}
