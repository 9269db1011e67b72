package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// DumpConfig says what to save, and where.
type DumpConfig struct {
	Target
	// Format is custom, which Restore reads faster and checks, or plain: SQL.
	Format string
	// File gets the dump. It is replaced once that is whole, and left alone
	// where it fails. Empty writes to Out.
	File string
	Out  io.Writer
	Args []string // more of pg_dump
	// Progress is told now and then how many bytes there are, and may be nil.
	Progress func(bytes int64)
}

// Dumped is what Dump did.
type Dumped struct {
	Bytes         int64
	Took          time.Duration
	ServerVersion string
	Warnings      string // what pg_dump said although it succeeded
}

// heartbeat is how often Progress is told.
const heartbeat = time.Second

// Dump saves a database with pg_dump.
func Dump(ctx context.Context, cfg DumpConfig) (Dumped, error) {
	start := time.Now()
	op := "dump " + cfg.Endpoint.Database
	program, version, err := cfg.find(ctx, "pg_dump")
	if err != nil {
		return Dumped{}, err
	}
	where, err := cfg.Endpoint.WithoutPassword()
	if err != nil {
		return Dumped{}, err
	}
	out := &counted{to: cfg.Out}
	done := func(error) error { return nil }
	if cfg.File != "" {
		f, end, err := replacement(cfg.File)
		if err != nil {
			return Dumped{}, fmt.Errorf("%s: %w", op, err)
		}
		out.to, done = f, end
	}
	args := append(append([]string(nil), cfg.Args...), "--format="+cfg.Format, "--no-password", "--dbname="+where)
	cmd := cfg.command(ctx, program, "pg_dump by syndicate", args...)
	said := &tail{}
	cmd.Stdout, cmd.Stderr = out, said
	if f := out.file(); f != nil {
		cmd.Stdout = f // it can go back and note where each table begins
	}
	stop := every(heartbeat, func() { cfg.tell(out.size()) })
	err = cmd.Run()
	stop()
	if err != nil {
		return Dumped{}, errors.Join(failure(ctx, op, "pg_dump", said.buf.Bytes(), err), done(err))
	}
	size := out.size()
	if err := done(nil); err != nil {
		return Dumped{}, fmt.Errorf("%s: %w", op, err)
	}
	return Dumped{Bytes: size, Took: time.Since(start), ServerVersion: version, Warnings: said.buf.String()}, nil
}

func (c *DumpConfig) tell(bytes int64) {
	if c.Progress != nil {
		c.Progress(bytes)
	}
}

// replacement opens a file that takes the place of path, readable by this
// user alone, when its end is told of success. Both are of one directory, so
// that there is the old one or the new one at any moment.
func replacement(path string) (*os.File, func(error) error, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is no file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if broken, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, nil, fmt.Errorf("write %s: %w", path, broken.Err)
	} else if err != nil {
		return nil, nil, err
	}
	return f, func(failed error) error {
		err := failed
		if err == nil {
			err = f.Sync()
		}
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err == nil {
			err = os.Rename(f.Name(), path)
		}
		if err != nil {
			_ = os.Remove(f.Name())
			if failed != nil {
				return nil // the cause is known
			}
			return err
		}
		return syncDir(filepath.Dir(path))
	}, nil
}

// syncDir makes a rename in dir last.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// every calls do again and again until the function that it returns is
// called, and returns once do runs no more.
func every(interval time.Duration, do func()) func() {
	tick := time.NewTicker(interval)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-tick.C:
				do()
			case <-stop:
				return
			}
		}
	}()
	return func() { tick.Stop(); close(stop); <-stopped }
}
