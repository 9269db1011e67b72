//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// quitSignal ends nginx in good order.
const quitSignal = syscall.SIGQUIT

const nginxHead = `daemon off;
pid %[1]s/%[2]s.pid;
error_log %[1]s/%[2]s.log;
worker_processes auto;
worker_rlimit_nofile 8192;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path %[1]s/tmp; proxy_temp_path %[1]s/tmp; fastcgi_temp_path %[1]s/tmp; uwsgi_temp_path %[1]s/tmp; scgi_temp_path %[1]s/tmp;
`

// upstream is an nginx that has a small and a large answer.
func (t *trial) upstream(address string) ([]string, error) {
	if _, err := t.write(strings.Repeat("0123456789", 1_000_000), 0o644, "root", "large"); err != nil {
		return nil, err
	}
	if err := os.Chmod(t.dir, 0o755); err != nil {
		return nil, err
	}
	return t.nginx("upstream", fmt.Sprintf(`  sendfile on; tcp_nopush on;
  server {
    listen %s backlog=1024;
    location = %s { return 200 "hello world\n"; }
    location = %s { root %s/root; }
  }
`, address, small, large, t.dir))
}

func (t *trial) nginx(name, body string) ([]string, error) {
	head := fmt.Sprintf(nginxHead, t.dir, name)
	if os.Geteuid() == 0 {
		head = "user root;\n" + head
	}
	path, err := t.write(head+body+"}\n", 0o644, name+".conf")
	return []string{"nginx", "-c", path, "-p", t.dir, "-e", t.path(name + ".log")}, err
}

// relay is the command of what forwards from one address to another.
func (t *trial) relay(name, mode, from, to string) ([]string, error) {
	switch name {
	case "nginx":
		return t.nginx("relay", fmt.Sprintf(`  upstream up { server %s; keepalive 256; keepalive_requests 100000000; }
  server {
    listen %s backlog=1024;
    location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
`, to, from))
	case "HAProxy":
		path, err := t.write(fmt.Sprintf(`global
  maxconn 4096
defaults
  mode %[1]s
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  %[4]s
listen up
  bind %[2]s
  server up %[3]s
`, mode, from, to, map[string]string{"http": "http-reuse always", "tcp": "option splice-auto"}[mode]), 0o644, "haproxy.cfg")
		return []string{"haproxy", "-db", "-f", path}, err
	case "syndicate":
		return t.syndicateRelay(mode, from, to)
	}
	if mode == "http" {
		to = "http://" + to
	}
	return []string{t.bare, mode, from, to}, nil
}

func (t *trial) syndicateRelay(mode, from, to string) ([]string, error) {
	path, err := t.write(fmt.Sprintf("syndicate {\n  name = \"bench\"\n}\nbreaker \"up\" {\n  target = %q\n  listen = %q\n}\n", mode+"://"+to, from), 0o644, "bench.hcl")
	return []string{t.binary, "-f", path, "up"}, err
}
