package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/spec"
)

// ScratchConfig says which database a server to throw away stands for.
type ScratchConfig struct {
	System   *spec.System
	Database *spec.Database // of System
	Life     string
	Log      hclog.Logger // nil drops it
	// Note is told what takes time. nil drops it.
	Note func(text string)
}

// Scratch is a server that is gone when whoever got it returns.
type Scratch struct {
	// Admin is the superuser's way into the database postgres.
	Admin pg.Endpoint
	// User has the name of the database, and of the role where the server is
	// managed: then it is what the application is on the real one. Nothing of
	// that name exists in the server but the role.
	User pg.Endpoint
}

// WithScratch starts a server with new data that nothing protects, of the
// version and with the settings of a database's own, and calls do. The server
// and all of its files are gone when it returns; what an earlier call left
// behind that was killed is removed first. The real database is not touched.
func WithScratch(ctx context.Context, cfg ScratchConfig, do func(context.Context, Scratch) error) (err error) {
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	const op = "start a server for the trial"
	dir, err := scratchDir()
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	host, err := process.New(process.Config{Life: cfg.Life, Guardian: cfg.System.Name, Logger: cfg.Log.Named("process")})
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	id := cfg.Database.Addr.String()
	s := newSite(cfg.System, cfg.Life, nil, cfg.Log)
	s.stateDir, s.host = dir, host
	out, err := log.Open(log.Config{Dir: LogDir(dir), Unit: id, MaxSize: 10 << 20, Keep: 1, Buffers: s.buffers})
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	db, err := scratchDatabase(cfg.Database, dir)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	server, err := pg.New(pg.Config{
		Name: db.Addr.File(), StateDir: dir, Managed: *db.Managed, Port: db.Managed.Port.Number,
		Database: "syndicate_scratch", User: scratchUser(cfg.Database), Runner: pgRunner{func() *process.Host { return host }, id}, Holder: portHolder, Note: cfg.Note,
	})
	if err != nil {
		return err
	}
	return during(ctx, &serverWork{databaseAccess: s.unguarded(db), id: id, out: out, server: server}, func() error {
		scratch := Scratch{Admin: server.Admin(), User: server.Admin()}
		if cfg.Database.Source == "managed" {
			scratch.User = server.Endpoint()
		}
		var err error
		if scratch.User, err = scratch.User.InDatabase(scratchName(cfg.Database)); err != nil {
			return err
		}
		return do(ctx, scratch)
	})
}

// scratchDatabase is a database like the declared one, with its data in dir.
func scratchDatabase(db *spec.Database, dir string) (*spec.Database, error) {
	own := *db
	managed := spec.Managed{}
	if db.Managed != nil {
		managed = *db.Managed
	}
	managed.DataDir, managed.Durability, managed.Extensions = filepath.Join(dir, "data"), "off", nil
	if managed.Version == 0 && db.Managed != nil {
		managed.Version = pg.DataMajor(db.Managed.DataDir)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	managed.Port = spec.Port{Number: l.Addr().(*net.TCPAddr).Port}
	own.Source, own.Managed, own.Shared = "managed", &managed, nil
	return &own, l.Close()
}

// scratchUser is the role that a managed database's application has.
func scratchUser(db *spec.Database) string {
	if v, known := db.User.Value(); known && db.Source == "managed" {
		return v
	}
	return db.Addr.Name
}

// scratchName is the name that the files see their database under: the real
// one, since they may say it. A server's own database is taken already.
func scratchName(db *spec.Database) string {
	name := ""
	if v, known := db.DBName.Value(); known {
		name = v
	}
	if url, known := db.URL.Value(); known && db.Source == "url" {
		if to, err := pg.ParseURL(url); err == nil {
			name = to.Database
		}
	}
	if name == "postgres" || strings.HasPrefix(name, "template") {
		return "main"
	}
	return cmp.Or(name, db.Addr.Name)
}

// scratchPrefix begins the name of each directory of a server to throw away;
// the number of the process that owns it follows.
const scratchPrefix = "syndicate-trial-"

// scratchDir makes a directory that the server's user can reach, and removes
// those of processes that are gone.
func scratchDir() (string, error) {
	mode := os.FileMode(0o700)
	places := []string{os.TempDir(), "/var/tmp", "/tmp"}
	if os.Geteuid() == 0 {
		mode = 0o711 // the server runs as another user
	}
	var failed error
	for _, place := range places {
		sweepScratch(place)
		dir, err := os.MkdirTemp(place, scratchPrefix+strconv.Itoa(os.Getpid())+"-")
		if err == nil {
			err = os.Chmod(dir, mode)
		}
		if err == nil && os.Geteuid() == 0 && !open(place) {
			err = errors.Join(fmt.Errorf("%s: the server's user may not enter it", place), os.RemoveAll(dir))
		}
		if err == nil {
			return dir, nil
		}
		failed = errors.Join(failed, err)
	}
	return "", failed
}

// open reports whether everybody may pass through a directory and all above.
func open(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// sweepScratch removes the directories of processes that were killed.
func sweepScratch(place string) {
	entries, err := os.ReadDir(place)
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), scratchPrefix)
		owner, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(owner)
		if !ours || err != nil || pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.EPERM) || syscall.Kill(pid, 0) == nil {
			continue
		}
		// Another user's cannot be removed, which is as it should be.
		_ = os.RemoveAll(filepath.Join(place, e.Name()))
	}
}
