package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/syndicate/syndicate/engine/pg/client"
	"github.com/syndicate/syndicate/spec"
)

// dbPsqlCmd opens psql.
type dbPsqlCmd struct {
	dbTarget
	Args []string `arg:"" optional:"" name:"argument" help:"Arguments of psql, behind --."`
}

// Run opens it on the caller's terminal.
func (c *dbPsqlCmd) Run(s *session) error {
	if err := s.apart("psql", c.Args); err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	code := exitDone
	err := c.reach(ctx, s, false, func(ctx context.Context, _ *migrator, _ *spec.Database, t client.Target) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
		defer signal.Stop(signals)
		var err error
		// Ctrl-C in psql is no reason to end anything here.
		code, err = client.Psql(context.WithoutCancel(ctx), t, c.Args, s.stdin, s.stdout.raw, s.stderr.raw, signals)
		return err
	})
	if err != nil {
		return dbExit(err)
	}
	return exit(code)
}
