package pg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// adminRole is the superuser of every managed server. It is called like the
// operating-system user of most servers, so that "psql" as that user works
// over the socket.
const adminRole = "postgres"

// Config describes a managed server.
type Config struct {
	Name     string // of the database block: main
	StateDir string // absolute; holds the passwords and the last ledger
	Managed  spec.Managed
	Port     int    // chosen: Managed.Port.Number, or what "auto" became
	Database string // "" : Name
	User     string // "" : Name; owns the database, is no superuser
	// Host is the database block whose server this database is in, where it
	// has none of its own: Managed and Port are that one's but for the
	// extensions, and Join takes the place of Prepare.
	Host string

	// Runner runs initdb.
	Runner Runner
	// Holder says who listens on a port: "process 5 (nginx)". nil: nobody
	// can.
	Holder func(port int) string
	// Note is told what takes time: "initialising …", "waiting for …". nil
	// drops it.
	Note func(text string)
	// Find is where to look for the programs; its BinDir and versions are
	// filled in from Managed and the data directory.
	Find FindConfig
	// StaleWait bounds the wait for backends that outlived their server;
	// 0 is 30 seconds.
	StaleWait time.Duration
}

// Server is one managed PostgreSQL server. Its methods are not for
// concurrent use.
type Server struct {
	cfg       Config
	account   account // runs the server
	dataDir   string
	socketDir string
	bin       Binaries
	fresh     bool     // the data directory was made by this Prepare
	crashed   bool     // the server before it did not shut down
	limit     string   // statement_timeout of the application's role, as Ready found it
	endpoint  Endpoint // as the application
	admin     Endpoint // as the superuser, of the database postgres
}

// New checks the configuration. It touches nothing on disk.
func New(cfg Config) (*Server, error) {
	op := "prepare database " + cfg.Name
	bad := func(reason, remedy string) (*Server, error) {
		return nil, &Error{Op: op, Reason: reason, Remedy: remedy}
	}
	switch {
	case cfg.Name == "" || !filepath.IsAbs(cfg.StateDir):
		return nil, fmt.Errorf("%s: a name and an absolute state directory are needed", op)
	case cfg.Runner == nil:
		return nil, fmt.Errorf("%s: a runner is needed", op)
	case cfg.Port < 1 || cfg.Port > 65535:
		return bad(fmt.Sprintf("port %d is not between 1 and 65535", cfg.Port), `write a free one, or port = "auto"`)
	}
	cfg.Database = cmp.Or(cfg.Database, cfg.Name)
	cfg.User = cmp.Or(cfg.User, cfg.Name)
	cfg.StaleWait = cmp.Or(cfg.StaleWait, 30*time.Second)
	if cfg.Note == nil {
		cfg.Note = func(string) {}
	}
	if cfg.User == adminRole {
		return bad(`the role "postgres" is the server's superuser`, "give the application a role of its own")
	}
	for name := range cfg.Managed.Settings {
		if owned[name] {
			return bad(fmt.Sprintf("the setting %q is syndicate's own", name), "leave it out of settings")
		}
	}
	acc, err := serverAccount(cfg.Managed.User, os.Geteuid())
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, account: acc, dataDir: cfg.Managed.DataDir}
	if s.dataDir == "" {
		s.dataDir = DataDir(cfg.StateDir, cfg.Name, os.Geteuid() == 0)
	}
	if !filepath.IsAbs(s.dataDir) {
		return bad(fmt.Sprintf("data_dir %q is not absolute", s.dataDir), "")
	}
	s.dataDir = filepath.Clean(s.dataDir)
	return s, nil
}

// owned are the settings that syndicate chooses itself.
var owned = map[string]bool{
	"port": true, "listen_addresses": true, "unix_socket_directories": true, "data_directory": true,
}

// DataDir returns the absolute data directory.
func (s *Server) DataDir() string { return s.dataDir }

// Endpoint returns how the application reaches its database. It is complete
// once Prepare has succeeded.
func (s *Server) Endpoint() Endpoint { return s.endpoint }

// Admin returns how the superuser reaches the database postgres. It is
// complete once Prepare has succeeded.
func (s *Server) Admin() Endpoint { return s.admin }

// Binaries returns the programs in use, once Prepare has succeeded.
func (s *Server) Binaries() Binaries { return s.bin }

// Prepare makes everything ready for the server and returns the command to
// supervise. It finds the programs, creates the data directory where there
// is none, waits until the processes of a server that was killed are gone,
// and checks that the port is free. It may be called before every start, the
// first and each later one, and changes nothing that is in order.
func (s *Server) Prepare(ctx context.Context) (Command, error) {
	found := s.cfg.Find
	found.BinDir = s.cfg.Managed.BinDir
	found.Major = s.cfg.Managed.Version
	if found.Runner == nil {
		found.Runner = s.cfg.Runner
	}
	state, err := s.inspectData()
	if err != nil {
		return Command{}, err
	}
	found.DataMajor = state.major
	if s.bin, err = Find(ctx, found); err != nil {
		return Command{}, err
	}
	if err := s.settle(ctx); err != nil {
		return Command{}, err
	}
	if err := s.passwords(); err != nil {
		return Command{}, err
	}
	if s.fresh = state.major == 0; s.fresh {
		err = s.initialise(ctx)
	} else {
		err = s.checkDurability()
	}
	if err != nil {
		return Command{}, err
	}
	s.crashed = interrupted(s.dataDir)
	if err := s.adoptPasswords(ctx); err != nil {
		return Command{}, err
	}
	if err := s.makeSocketDir(); err != nil {
		return Command{}, err
	}
	if err := s.checkPort(); err != nil {
		return Command{}, err
	}
	return s.command(), nil
}

// Attach makes the endpoint of a server that another process of this machine
// runs with the same state directory, instead of Prepare. Ready then waits
// for it.
func (s *Server) Attach() error {
	for _, role := range []string{s.cfg.User, adminRole} {
		pw, err := readPassword(s.passwordFile(role))
		if err != nil {
			return err
		}
		if pw == "" {
			return &Error{
				Op:     "reach database " + s.cfg.Name,
				Reason: "its server has not been started yet: there is no " + s.passwordFile(role),
			}
		}
	}
	return s.passwords()
}

// Join makes the endpoint of a database in the server of another block, which
// has to run. Ready then creates the role and the database where they are
// missing.
func (s *Server) Join() error {
	pw, err := readPassword(s.passwordFile(adminRole))
	if err != nil {
		return err
	}
	if pw == "" {
		return &Error{
			Op: "reach database " + s.cfg.Name, Temporary: true,
			Reason: fmt.Sprintf("the server of database %s has not been started yet", s.cfg.Host),
		}
	}
	if err := s.passwords(); err != nil {
		return err
	}
	file := s.passwordFile(s.cfg.User)
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	if err := writePassword(file, s.endpoint.Password.Reveal()); err != nil {
		return fmt.Errorf("keep the database's password: %w", err)
	}
	return nil
}

// command returns the long-running server. Declared settings come last but
// cannot replace syndicate's own, which New refuses.
func (s *Server) command() Command {
	argv := []string{
		s.bin.Path("postgres"), "-D", s.dataDir,
		"-c", "listen_addresses=127.0.0.1",
		"-c", "port=" + strconv.Itoa(s.cfg.Port),
		"-c", "unix_socket_directories=" + s.socketDir,
		// The engine keeps the log: stderr, as it comes.
		"-c", "logging_collector=off",
		"-c", "log_destination=stderr",
	}
	if s.cfg.Managed.Durability == "off" {
		argv = append(argv, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Managed.Settings)) {
		argv = append(argv, "-c", name+"="+s.cfg.Managed.Settings[name])
	}
	return Command{Argv: argv, Dir: s.dataDir, Env: serverEnv(), User: s.account.name}
}

// serverEnv is the whole environment of the server's programs. None of the
// caller's PG… variables is in it: PGPORT and its kin would change what the
// command line says. Messages are English, since Diagnose reads them.
func serverEnv() []string {
	locale := "C.UTF-8"
	if runtime.GOOS != "linux" {
		locale = "C"
	}
	env := []string{"LC_ALL=" + locale, "LC_MESSAGES=C", "PATH=/usr/local/bin:/usr/bin:/bin"}
	if tz := os.Getenv("TZ"); tz != "" {
		env = append(env, "TZ="+tz)
	}
	return env
}

// checkPort finds a port in use before the server does, since the server
// may stand in its way for a while after that.
func (s *Server) checkPort() error {
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.cfg.Port))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		reason := "the port is not free: " + LastPart(err)
		if s.cfg.Holder != nil && errors.Is(err, syscall.EADDRINUSE) {
			reason = "the port is not free: it is in use by " + s.cfg.Holder(s.cfg.Port)
		}
		return &Error{
			Op: "listen on " + addr, Reason: reason,
			Remedy: `stop what listens there (ss -ltnp "sport = :` + strconv.Itoa(s.cfg.Port) +
				`" names it), or write another port, or port = "auto"`,
			cause: err,
		}
	}
	return l.Close()
}

// makeSocketDir makes the directory of the Unix socket, searchable by the
// server's user alone. It stands beside the data directory unless that path
// is too long for a socket's name (107 bytes), then in the system's
// temporary directories.
func (s *Server) makeSocketDir() error {
	const longest = 107 - len("/.s.PGSQL.65535.lock")
	candidates := []string{s.dataDir + ".run"}
	short := "syn-" + shortHash(s.dataDir)[:8]
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && !s.account.other {
		candidates = append(candidates, filepath.Join(dir, short))
	}
	candidates = append(candidates, filepath.Join(os.TempDir(), short), filepath.Join("/tmp", short))
	var last error
	for _, dir := range candidates {
		if len(dir) > longest {
			continue
		}
		if last = s.ownedDir(dir); last == nil {
			last = s.account.reach(filepath.Dir(dir))
		}
		if last == nil {
			s.socketDir = dir
			return nil
		}
	}
	return fmt.Errorf("make the socket directory: %w", last)
}

// ownedDir makes dir 0700 and the server's user's. It refuses one that
// somebody else put there, and a symbolic link.
func (s *Server) ownedDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return s.account.chown(dir)
	}
	if !os.IsExist(err) {
		return err
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is there and is not a directory", dir)
	case !s.account.owns(info):
		return fmt.Errorf("%s belongs to another user", dir)
	}
	return os.Chmod(dir, 0o700)
}
