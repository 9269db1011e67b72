package pg

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// durabilityMark is a file in a data directory that was created with
// durability = "off". Without it the server never runs that way: its data
// may be meant to last.
const durabilityMark = "syndicate-durability-off"

// VersionMismatchError says that a data directory was made by another major
// version than the one declared. PostgreSQL cannot open it.
type VersionMismatchError struct {
	Name     string // of the database block
	Dir      string
	Data     int // major version of the data directory
	Declared int
}

func (e *VersionMismatchError) Error() string {
	return fmt.Sprintf("open %s: its data belong to PostgreSQL %d, and version %d is declared; "+
		"either declare version = %d, or move the data: with version = %d, `syndicate db dump %s --output %s.dump`, and the same for each database that shares the server; "+
		"then `mv %s %s.%d`; then, with version = %d, `syndicate db restore %s %s.dump`",
		e.Dir, e.Data, e.Declared, e.Data, e.Data, e.Name, e.Name, e.Dir, e.Dir, e.Data, e.Declared, e.Name, e.Name)
}

// data is what is known of a data directory before anything runs.
type data struct {
	major int // 0: nothing there yet
}

// inspectData looks at the data directory without changing it, but for
// its mode and for the leftovers of an initialisation that died.
func (s *Server) inspectData() (data, error) {
	op := "open " + s.dataDir
	if err := s.discardHalf(); err != nil {
		return data{}, err
	}
	entries, err := os.ReadDir(s.dataDir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return data{}, nil
	case err != nil:
		return data{}, &Error{Op: op, Reason: LastPart(err), cause: err}
	case len(entries) == 0:
		return data{}, nil
	}
	text, err := os.ReadFile(filepath.Join(s.dataDir, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return data{}, &Error{
			Op: op, Reason: "it is not empty and holds no PostgreSQL data (no PG_VERSION)",
			Remedy: "choose another data_dir, or empty this one",
		}
	} else if err != nil {
		return data{}, &Error{Op: op, Reason: LastPart(err), cause: err}
	}
	// Before version 10 two numbers were the major version: 9.6.
	whole, _, _ := strings.Cut(strings.TrimSpace(string(text)), ".")
	major, err := strconv.Atoi(whole)
	if err != nil || major <= 0 {
		return data{}, &Error{Op: op, Reason: fmt.Sprintf("its PG_VERSION says %q", strings.TrimSpace(string(text)))}
	}
	if v := s.cfg.Managed.Version; v != 0 && v != major {
		return data{}, &VersionMismatchError{Name: s.cfg.Name, Dir: s.dataDir, Data: major, Declared: v}
	}
	return data{major: major}, s.checkOwner()
}

// DataMajor returns the major version of the data in a directory, 0 where
// there are none. It is for planning and starts nothing.
func DataMajor(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if err != nil {
		return 0
	}
	whole, _, _ := strings.Cut(strings.TrimSpace(string(text)), ".")
	major, err := strconv.Atoi(whole)
	if err != nil {
		return 0
	}
	return major
}

// Crashed reports whether the last server on the data directory ended without
// shutting down, so that the one which Prepare describes has to recover.
func (s *Server) Crashed() bool { return s.crashed }

// interrupted reads from pg_control whether a server ended without shutting
// down. The state stands behind an identifier of 8 bytes and two versions of
// 4, in the machine's byte order (src/include/catalog/pg_control.h).
func interrupted(dataDir string) bool {
	const shutDown, shutDownInRecovery = 1, 2
	f, err := os.Open(filepath.Join(dataDir, "global", "pg_control"))
	if err != nil {
		return false // the server will say what is wrong
	}
	defer func() { _ = f.Close() }()
	var head [20]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return false
	}
	state := binary.NativeEndian.Uint32(head[16:])
	return state != shutDown && state != shutDownInRecovery
}

// checkOwner refuses data of another user, and takes away the permissions
// that PostgreSQL refuses to run with.
func (s *Server) checkOwner() error {
	info, err := os.Stat(s.dataDir)
	if err != nil {
		return err
	}
	who := s.account.name
	if who == "" {
		who = strconv.Itoa(s.account.uid)
	}
	if !s.account.owns(info) {
		return &Error{
			Op: "open " + s.dataDir, Reason: fmt.Sprintf("it does not belong to the server's user (%s)", who),
			Remedy: fmt.Sprintf("run as its owner, or give it away: chown -R %s %s", who, s.dataDir),
		}
	}
	if mode := info.Mode().Perm(); mode != 0o700 && mode != 0o750 {
		s.cfg.Note(fmt.Sprintf("taking others' permissions from %s (it had %v)", s.dataDir, mode))
		return os.Chmod(s.dataDir, 0o700)
	}
	return nil
}

// halfMark stands beside a data directory that is initialised in place,
// since it is a mount point, for as long as that takes.
func (s *Server) halfMark() string { return s.dataDir + ".initialising" }

// discardHalf empties a data directory whose initialisation in place died.
func (s *Server) discardHalf() error {
	if _, err := os.Stat(s.halfMark()); err != nil {
		return nil
	}
	if err := emptyDir(s.dataDir); err != nil {
		return fmt.Errorf("discard the half-made %s: %w", s.dataDir, err)
	}
	return os.Remove(s.halfMark())
}

// emptyDir removes what is in dir, and not dir.
func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// initialise makes the data directory: all of it or nothing, whenever this
// process dies.
func (s *Server) initialise(ctx context.Context) error {
	op := "initialise " + s.dataDir
	parent := filepath.Dir(s.dataDir)
	if err := s.mkdirs(parent); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if err := s.account.reach(parent); err != nil {
		return err
	}
	s.removeLeftovers()
	s.cfg.Note(fmt.Sprintf("initialising a PostgreSQL %d data directory in %s", s.bin.Major, s.dataDir))

	target := fmt.Sprintf("%s.tmp-%d", s.dataDir, os.Getpid())
	inPlace := false
	if err := os.Remove(s.dataDir); err != nil && !errors.Is(err, os.ErrNotExist) {
		// An empty directory that cannot be removed is a mount point:
		// nothing can be renamed to its name.
		if err := os.WriteFile(s.halfMark(), nil, 0o600); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		target, inPlace = s.dataDir, true
	} else if err := os.Mkdir(target, 0o700); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if err := s.initdb(ctx, target); err != nil {
		if inPlace {
			return errors.Join(err, s.discardHalf())
		}
		return errors.Join(err, os.RemoveAll(target))
	}
	if inPlace {
		return os.Remove(s.halfMark())
	}
	if err := os.Rename(target, s.dataDir); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return syncDir(parent)
}

// initdb fills target, which is an empty directory.
func (s *Server) initdb(ctx context.Context, target string) error {
	op := "initialise " + s.dataDir
	if err := s.account.chown(target); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if err := os.Chmod(target, 0o700); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	pwfile := fmt.Sprintf("%s.pw-%d", s.dataDir, os.Getpid())
	if err := s.privateFile(pwfile, s.admin.Password.Reveal()+"\n"); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	defer func() { _ = os.Remove(pwfile) }()
	argv := []string{
		s.bin.Path("initdb"), "-D", target, "-U", adminRole,
		"--auth-local=peer", "--auth-host=scram-sha-256", "--pwfile=" + pwfile,
		"-E", "UTF8",
	}
	if s.bin.Major >= 14 {
		argv = append(argv, "--no-instructions")
	}
	argv = append(argv, localeArgs(s.bin.Major)...)
	if s.cfg.Managed.Durability == "off" {
		argv = append(argv, "--no-sync")
	}
	out, err := s.cfg.Runner.Run(ctx, Command{Argv: argv, Dir: filepath.Dir(target), Env: serverEnv(), User: s.account.name})
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	if err != nil {
		return s.programError(op, "initdb", out, err)
	}
	if s.cfg.Managed.Durability == "off" {
		return s.privateFile(filepath.Join(target, durabilityMark), "")
	}
	return nil
}

// localeArgs choose UTF-8 with code point order: the same on every machine,
// whatever its locale is, and never changed by an upgrade of its C library.
func localeArgs(major int) []string {
	switch {
	case runtime.GOOS == "linux":
		return []string{"--locale=C.UTF-8"}
	case major >= 17:
		return []string{"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}
	}
	return []string{"--locale=C"}
}

// programError says why one of PostgreSQL's programs failed.
func (s *Server) programError(op, program string, out []byte, err error) error {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if e := Diagnose(lines); e != nil {
		e.Op = op
		e.cause = err
		return e
	}
	text := strings.Join(lines[max(0, len(lines)-5):], "\n")
	return &Error{Op: op, Reason: strings.TrimSpace(fmt.Sprintf("%s: %v\n%s", program, err, text)), cause: err}
}

// checkDurability keeps data that are meant to last from running without
// protection.
func (s *Server) checkDurability() error {
	if s.cfg.Managed.Durability != "off" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(s.dataDir, durabilityMark)); err != nil {
		return &Error{
			Op: "open " + s.dataDir, Reason: `durability = "off" is declared, and these data were created to last`,
			Remedy: "leave durability out, or choose another data_dir for data that may be lost",
		}
	}
	return nil
}

// removeLeftovers removes what an initialisation left that died.
func (s *Server) removeLeftovers() {
	for _, kind := range []string{".tmp-", ".pw-"} {
		paths, _ := filepath.Glob(globQuote(s.dataDir) + kind + "*")
		for _, path := range paths {
			pid, err := strconv.Atoi(path[len(s.dataDir)+len(kind):])
			if err != nil || pid != os.Getpid() && alive(pid) {
				continue
			}
			s.cfg.Note("removing " + path + ", left by an initialisation that died")
			if err := os.RemoveAll(path); err != nil {
				s.cfg.Note(fmt.Sprintf("cannot remove %s: %v", path, err))
			}
		}
	}
}

// globQuote keeps filepath.Glob from reading a path as a pattern.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// alive reports whether a process of that id exists.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// mkdirs makes dir and what is missing above it. Under root all of it lets
// others pass through, since the server runs as another user; else none of
// it does. The caller's umask has no say.
func (s *Server) mkdirs(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := s.mkdirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	if !s.account.other {
		return nil
	}
	return os.Chmod(dir, 0o711)
}

// privateFile writes a new file that the server's user alone may read.
func (s *Server) privateFile(path, text string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close(), s.account.chown(path))
}

// syncDir makes a rename in dir last.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
