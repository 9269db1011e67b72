//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// service is one process that a tool shall run.
type service struct {
	name  string
	args  []string // of the probe service: mode, name and the rest
	needs []string // names of services that must be ready before
	ready *ready   // nil: ready once executed
}

// ready is how a tool finds out that a service is ready.
type ready struct {
	kind string // http, tcp, exec, log, file, notify
	port int
	file string
}

// options are what a row asks of every tool.
type options struct {
	again bool // restart a service that ends, as soon as the tool can
	logs  bool // keep the output in a file that never rotates
}

// launch is how a configured tool is started and stopped.
type launch struct {
	argv   []string
	env    []string
	stdout string         // a file for standard output alone; "" for the common one
	signal syscall.Signal // stops it, where there is no command
	stop   []string       // a command that stops it
	apply  []string       // a command that applies a changed configuration
	status []string       // a command that tells the state of everything
	plan   []string       // a command that tells what apply would do
	log    string         // pattern of the file that the output goes to
}

// tool is one supervisor as this benchmark drives it.
type tool struct {
	name string
	// find returns why the tool cannot be run on this machine.
	find func(b *bench) error
	// configure writes what the tool needs to run the services.
	configure func(t *trial, services []service, o options) (launch, error)
}

// tools are syndicate and the peers, in the order of the tables.
func (b *bench) tools() []tool {
	all := []tool{{"syndicate", func(*bench) error { return nil }, configureSyndicate}}
	if !b.peers {
		return all
	}
	return append(all,
		tool{"supervisord", needs("supervisord"), configureSupervisord},
		tool{"s6", needs("s6-svscan", "s6-log"), configureS6},
		tool{"runit", needs("runsvdir", "svlogd"), configureRunit},
		tool{"pm2", func(b *bench) error { return needs(b.pm2())(b) }, configurePM2},
	)
}

var errNotInstalled = errors.New("not installed")

func needs(programs ...string) func(*bench) error {
	return func(*bench) error {
		for _, p := range programs {
			if _, err := exec.LookPath(p); err != nil {
				return errNotInstalled
			}
		}
		return nil
	}
}

func (b *bench) pm2() string { return filepath.Join(b.npm, "node_modules", ".bin", "pm2") }

// run starts a configured tool.
func (t *trial) run(tl tool, services []service, o options) (launch, error) {
	l, err := tl.configure(t, services, o)
	if err != nil {
		return l, fmt.Errorf("configure %s: %w", tl.name, err)
	}
	return l, t.start(l)
}

// stop tells the tool to stop.
func (t *trial) stop(l launch) error {
	if len(l.stop) == 0 {
		return t.main.Process.Signal(l.signal)
	}
	cmd := exec.Command(l.stop[0], l.stop[1:]...)
	cmd.Dir, cmd.Env = t.dir, t.environ(l.env...)
	return cmd.Start()
}

// install brings the peers from apt and npm, where it may. What cannot be
// installed is a row that says so, no error.
func install(ctx context.Context, npm string) {
	if os.Getuid() != 0 {
		return
	}
	var missing []string
	for program, pkg := range map[string]string{"supervisord": "supervisor", "s6-svscan": "s6", "runsvdir": "runit", "wrk": "wrk", "nginx": "nginx", "haproxy": "haproxy"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, pkg)
		}
	}
	if len(missing) > 0 {
		installPackages(ctx, missing)
	}
	if _, err := os.Stat(filepath.Join(npm, "node_modules", ".bin", "pm2")); err == nil {
		return
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return
	}
	if err := os.MkdirAll(npm, 0o755); err != nil {
		return
	}
	tell(exec.CommandContext(ctx, "npm", "install", "--prefix", npm, "--no-audit", "--no-fund", "--silent", "pm2@7.0.4"))
}

// installPackages calls apt-get. Debian starts a daemon right after it has
// installed one, unless a policy forbids it: nothing is to be left running.
func installPackages(ctx context.Context, packages []string) {
	const policy = "/usr/sbin/policy-rc.d"
	if _, err := os.Stat(policy); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
			return
		}
		defer os.Remove(policy)
	}
	apt := exec.CommandContext(ctx, "apt-get", append([]string{"install", "-y", "-qq", "--no-install-recommends"}, packages...)...)
	apt.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	tell(apt)
}

// tell runs a command and prints what it said only where it failed.
func tell(cmd *exec.Cmd) {
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", cmd, err, out)
	}
}
