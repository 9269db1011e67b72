package pg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/spec"
)

// PoolerConfig describes a PgBouncer before a database.
type PoolerConfig struct {
	Name     string   // of the database block
	StateDir string   // absolute
	Server   Endpoint // as the application reaches it
	Host     string   // where it listens
	Port     int
	// MaxConn bounds the connections to the server, MaxWaiting the clients
	// beyond that, and AcquireTimeout how long each waits.
	MaxConn, MaxWaiting int
	AcquireTimeout      time.Duration
	QueryTimeout        time.Duration // of each statement; 0 is none
	TLSCert, TLSKey     string        // paths; "" : clients get no encryption
	User                string        // of the operating system, where the engine is root
}

// Pooler is PgBouncer in transaction mode: many clients share few connections
// to the server, each for as long as its transaction lasts. It is supervised
// like any process: Prepare says what to run, Ready waits until it answers. A
// change of its bounds is written by Configure, and read by it on SIGHUP. Its
// methods are not for concurrent use, Figures aside.
type Pooler struct {
	cfg     PoolerConfig
	account account
	console Parts  // where its figures are
	of      string // the database whose
}

// consoleRole may look at PgBouncer's figures, and nothing else.
const consoleRole = "syndicate_stats"

// PoolerStop ends PgBouncer once the transactions under way have ended.
const PoolerStop = StopSignal

// NewPooler checks who it is to run as. It touches nothing on disk.
func NewPooler(cfg PoolerConfig) (*Pooler, error) {
	acc, err := serverAccount(cfg.User, os.Geteuid())
	if err != nil {
		return nil, err
	}
	if err := oneServer(cfg.Server); err != nil {
		return nil, err
	}
	host := cfg.Host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	console := Parts{Host: host, Port: cfg.Port, Database: "pgbouncer", User: consoleRole, Password: spec.Sensitive(newPassword())}
	return &Pooler{cfg: cfg, account: acc, console: console, of: cfg.Server.Database}, nil
}

// oneServer refuses an endpoint that is a choice of servers: PgBouncer has
// none of libpq's ways to choose.
func oneServer(e Endpoint) error {
	cfg, err := pgx.ParseConfig(e.url)
	if err != nil {
		return &Error{Op: "read the database's url", Reason: "PostgreSQL's rules do not allow it"}
	}
	several := slices.ContainsFunc(cfg.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.Host != cfg.Host || f.Port != cfg.Port })
	if several || cfg.ValidateConnect != nil {
		return &Error{
			Op: "configure PgBouncer", Reason: "the database's url has several hosts, or target_session_attrs: a pooler goes to one server",
			Remedy: "write one host, or leave pooler out: the gateway itself chooses among servers",
		}
	}
	return nil
}

// Prepare finds PgBouncer, writes its files and returns the command to
// supervise.
func (p *Pooler) Prepare() (Command, error) {
	path, err := findPooler()
	if err != nil {
		return Command{}, err
	}
	if err := p.Configure(p.cfg); err != nil {
		return Command{}, err
	}
	return Command{Argv: []string{path, p.file("pgbouncer.ini")}, Dir: p.dir(), Env: serverEnv(), User: p.account.name}, nil
}

// findPooler looks where distributions install it.
func findPooler() (string, error) {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return filepath.Abs(path)
	}
	for _, path := range []string{"/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"} {
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	install := "sudo apt-get install -y pgbouncer (Debian, Ubuntu), or sudo dnf install -y pgbouncer (Fedora, Red Hat)"
	if runtime.GOOS == "darwin" {
		install = "brew install pgbouncer"
	}
	return "", &Error{
		Op: "find PgBouncer", Reason: "it is not installed: it is neither on PATH nor in /usr/sbin",
		Remedy: "install it with " + install + "; the service that a package starts is not needed",
	}
}

// dir is where its files are: its user can reach that, and nobody else.
func (p *Pooler) dir() string {
	return DataDir(p.cfg.StateDir, p.cfg.Name, p.account.other) + ".pooler"
}

func (p *Pooler) file(name string) string { return filepath.Join(p.dir(), name) }

// Configure writes its files for other bounds. A running PgBouncer reads them
// on SIGHUP.
func (p *Pooler) Configure(cfg PoolerConfig) error {
	p.cfg = cfg
	if err := p.makeDir(); err != nil {
		return fmt.Errorf("prepare PgBouncer: %w", err)
	}
	files := map[string]string{"pgbouncer.ini": p.settings(), "users.txt": p.users()}
	for name, from := range map[string]string{"cert.pem": cfg.TLSCert, "key.pem": cfg.TLSKey} {
		if from == "" {
			continue
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return fmt.Errorf("prepare PgBouncer: %w", err)
		}
		files[name] = string(text)
	}
	for name, text := range files {
		if err := p.write(name, text); err != nil {
			return fmt.Errorf("prepare PgBouncer: %w", err)
		}
	}
	return nil
}

func (p *Pooler) makeDir() error {
	dir := p.dir()
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := p.account.chown(dir); err != nil {
		return err
	}
	return p.account.reach(filepath.Dir(dir))
}

// write replaces one file, which its user alone can read.
func (p *Pooler) write(name, text string) error {
	f, err := renameio.TempFile("", p.file(name))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	if err := p.account.chown(f.Name()); err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// users are the passwords that clients come with, and that it goes to the
// server with.
func (p *Pooler) users() string {
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	return quote(p.cfg.Server.User) + " " + quote(p.cfg.Server.Password.Reveal()) + "\n" +
		quote(consoleRole) + " " + quote(p.console.Password.Reveal()) + "\n"
}

// settings are its ini file.
func (p *Pooler) settings() string {
	cfg := p.cfg
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	database := fmt.Sprintf("%s = host=%s port=%d dbname=%s", poolerName(cfg.Server.Database), quote(cfg.Server.Host), cfg.Server.Port, quote(cfg.Server.Database))
	if cfg.QueryTimeout > 0 {
		database += fmt.Sprintf(" connect_query=%s", quote(fmt.Sprintf("set statement_timeout = %d", max(cfg.QueryTimeout.Milliseconds(), 1))))
	}
	auth := "scram-sha-256"
	if cfg.Server.Password.Reveal() == "" { // the server lets the user in without
		auth = "trust"
	}
	lines := []string{
		"[databases]", database, "[pgbouncer]",
		"listen_addr = " + cfg.Host, fmt.Sprintf("listen_port = %d", cfg.Port), "unix_socket_dir =",
		"auth_type = " + auth, "auth_file = " + p.file("users.txt"), "stats_users = " + consoleRole,
		"pool_mode = transaction",
		fmt.Sprintf("default_pool_size = %d", cfg.MaxConn), fmt.Sprintf("max_db_connections = %d", cfg.MaxConn),
		fmt.Sprintf("max_client_conn = %d", cfg.MaxConn+cfg.MaxWaiting+1), // the last for the console
		fmt.Sprintf("query_wait_timeout = %d", max(1, int(cfg.AcquireTimeout.Round(time.Second).Seconds()))),
		"ignore_startup_parameters = extra_float_digits,options",
		// The engine keeps the log.
		"log_connections = 0", "log_disconnections = 0", "log_stats = 0",
	}
	lines = append(lines, p.encryption()...)
	return strings.Join(lines, "\n") + "\n"
}

// encryption says how it reaches the server, as the URL's sslmode does, and
// what it serves.
func (p *Pooler) encryption() []string {
	var lines []string
	if _, query, ok := strings.Cut(p.cfg.Server.url, "?"); ok {
		params, err := url.ParseQuery(query)
		if err == nil {
			for setting, name := range map[string]string{
				"server_tls_ca_file": "sslrootcert", "server_tls_cert_file": "sslcert", "server_tls_key_file": "sslkey",
			} {
				if v := params.Get(name); v != "" {
					lines = append(lines, setting+" = "+v)
				}
			}
			lines = append(lines, "server_tls_sslmode = "+cmp.Or(params.Get("sslmode"), "prefer"))
		}
	}
	if p.cfg.TLSCert != "" {
		lines = append(lines, "client_tls_sslmode = allow", "client_tls_cert_file = "+p.file("cert.pem"), "client_tls_key_file = "+p.file("key.pem"))
	}
	return lines
}

// poolerName is a database's name as the ini file takes it: that of any
// database where it is none of letters, digits and _ alone.
func poolerName(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return "*"
	}
	return s
}

// Ready returns once PgBouncer answers, or when ctx ends.
func (p *Pooler) Ready(ctx context.Context) error {
	tick := time.NewTicker(readyWait)
	defer tick.Stop()
	for {
		_, err := p.Figures(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for PgBouncer: %w", errors.Join(context.Cause(ctx), err))
		case <-tick.C:
		}
	}
}

// readyWait is the time between two looks whether PgBouncer answers.
const readyWait = 20 * time.Millisecond

// PoolerFigures are what PgBouncer tells of the database's pools.
type PoolerFigures struct {
	ClientsActive, ClientsWaiting     int
	ServersActive, ServersIdle        int
	LongestWait                       time.Duration // of those who wait now
	Queries, Transactions             uint64
	QueryTime, WaitTime, TransactTime time.Duration // in sum
}

// figuresTimeout bounds asking PgBouncer for its figures.
const figuresTimeout = 2 * time.Second

// Figures asks PgBouncer's console.
func (p *Pooler) Figures(ctx context.Context) (PoolerFigures, error) {
	ctx, cancel := context.WithTimeout(ctx, figuresTimeout)
	defer cancel()
	cfg, err := pgx.ParseConfig(buildURL(p.console, url.Values{"sslmode": {"disable"}}))
	if err != nil {
		return PoolerFigures{}, errors.New("ask PgBouncer: its address cannot be read")
	}
	conn, err := pgconn.ConnectConfig(ctx, &cfg.Config)
	if err != nil {
		to := Endpoint{Host: p.console.Host, Port: p.console.Port, Database: p.console.Database, User: p.console.User, Password: p.console.Password}
		return PoolerFigures{}, ConnectError("ask PgBouncer", to, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var f PoolerFigures
	err = p.each(ctx, conn, "SHOW POOLS", func(get func(string) uint64) {
		f.ClientsActive += int(get("cl_active"))
		f.ClientsWaiting += int(get("cl_waiting"))
		f.ServersActive += int(get("sv_active"))
		f.ServersIdle += int(get("sv_idle") + get("sv_used") + get("sv_tested") + get("sv_login"))
		f.LongestWait = max(f.LongestWait, time.Duration(get("maxwait"))*time.Second+time.Duration(get("maxwait_us"))*time.Microsecond)
	})
	if err != nil {
		return f, err
	}
	err = p.each(ctx, conn, "SHOW STATS", func(get func(string) uint64) {
		f.Queries += get("total_query_count")
		f.Transactions += get("total_xact_count")
		f.QueryTime += time.Duration(get("total_query_time")) * time.Microsecond
		f.TransactTime += time.Duration(get("total_xact_time")) * time.Microsecond
		f.WaitTime += time.Duration(get("total_wait_time")) * time.Microsecond
	})
	return f, err
}

// each calls do for every row of the database's that the console shows. A
// column that this version does not have is 0.
func (p *Pooler) each(ctx context.Context, conn *pgconn.PgConn, command string, do func(func(string) uint64)) error {
	results, err := conn.Exec(ctx, command).ReadAll()
	if err != nil || len(results) == 0 {
		return fmt.Errorf("ask PgBouncer: %s: %w", command, cmp.Or(err, errors.New("no answer")))
	}
	for _, row := range results[0].Rows {
		values := map[string]string{}
		for i, f := range results[0].FieldDescriptions {
			values[f.Name] = string(row[i])
		}
		if values["database"] != p.of {
			continue
		}
		do(func(name string) uint64 {
			n, _ := strconv.ParseUint(values[name], 10, 64)
			return n
		})
	}
	return nil
}
