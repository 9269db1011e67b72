//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
)

func configureSupervisord(t *trial, services []service, o options) (launch, error) {
	var s strings.Builder
	fmt.Fprintf(&s, `[supervisord]
nodaemon=true
minfds=16384
minprocs=8192
logfile=%[1]s/supervisord.log
pidfile=%[1]s/supervisord.pid
childlogdir=%[1]s
user=%[2]d

[unix_http_server]
file=%[1]s/supervisord.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://%[1]s/supervisord.sock
`, t.dir, os.Getuid())
	for _, svc := range services {
		fmt.Fprintf(&s, "\n[program:%s]\ncommand=%s %s\nautorestart=true\n", svc.name, t.probe, strings.Join(svc.args, " "))
		if o.again {
			s.WriteString("startsecs=0\n")
		}
		if o.logs {
			fmt.Fprintf(&s, "stdout_logfile=%s/%s.out\nstdout_logfile_maxbytes=0\nstdout_logfile_backups=0\n", t.dir, svc.name)
		}
	}
	path, err := t.write(s.String(), 0o644, "supervisord.conf")
	return launch{
		argv: []string{"supervisord", "-n", "-c", path}, signal: syscall.SIGTERM, log: t.path("*.out"),
		apply: []string{"supervisorctl", "-c", path, "update"}, status: []string{"supervisorctl", "-c", path, "status"},
	}, err
}

// runScripts writes the directory that s6 and runit share: one directory for
// each service, with a run script, and one for its logger where asked.
func runScripts(t *trial, services []service, o options, logger string) (string, error) {
	for _, svc := range services {
		script := fmt.Sprintf("#!/bin/sh\nexec %s %s\n", t.probe, strings.Join(svc.args, " "))
		if _, err := t.write(script, 0o755, "scan", svc.name, "run"); err != nil {
			return "", err
		}
		if !o.logs {
			continue
		}
		if _, err := t.write("#!/bin/sh\nexec "+logger+"\n", 0o755, "scan", svc.name, "log", "run"); err != nil {
			return "", err
		}
	}
	return t.path("scan"), nil
}

func configureS6(t *trial, services []service, o options) (launch, error) {
	dir, err := runScripts(t, services, o, "s6-log n3 s268435455 "+t.path("logs"))
	return launch{
		argv:   []string{"s6-svscan", "-c", fmt.Sprint(max(100, 3*len(services))), dir},
		signal: syscall.SIGTERM, log: t.path("logs", "*"),
	}, err
}

func configureRunit(t *trial, services []service, o options) (launch, error) {
	if err := os.MkdirAll(t.path("logs"), 0o755); err != nil {
		return launch{}, err
	}
	if _, err := t.write("s2000000000\nn2\n", 0o644, "logs", "config"); err != nil {
		return launch{}, err
	}
	dir, err := runScripts(t, services, o, "svlogd "+t.path("logs"))
	return launch{argv: []string{"runsvdir", dir}, signal: syscall.SIGHUP, log: t.path("logs", "*")}, err
}

func configurePM2(t *trial, services []service, o options) (launch, error) {
	type app struct {
		Name         string `json:"name"`
		Script       string `json:"script"`
		Args         string `json:"args"`
		Interpreter  string `json:"interpreter"`
		ExecMode     string `json:"exec_mode"`
		RestartDelay int    `json:"restart_delay"`
		MinUptime    int    `json:"min_uptime"`
		MaxRestarts  int    `json:"max_restarts"`
		Out          string `json:"out_file,omitempty"`
	}
	var apps []app
	for _, svc := range services {
		a := app{
			Name: svc.name, Script: t.probe, Args: strings.Join(svc.args, " "),
			Interpreter: "none", ExecMode: "fork", MinUptime: 100, MaxRestarts: 100_000,
		}
		if o.logs {
			a.Out = t.path(svc.name + ".out")
		}
		apps = append(apps, a)
	}
	text, err := json.Marshal(map[string]any{"apps": apps})
	if err != nil {
		return launch{}, err
	}
	path, err := t.write(string(text), 0o644, "ecosystem.json")
	return launch{
		argv: []string{t.pm2(), "start", path},
		env:  []string{"PM2_HOME=" + t.path("pm2"), "PM2_DISCRETE_MODE=true"},
		stop: []string{t.pm2(), "kill"},
		log:  t.path("*.out"),
	}, err
}
