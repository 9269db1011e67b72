//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

func configureSyndicate(t *trial, services []service, o options) (launch, error) {
	path, err := t.write(configuration(t, services, o), 0o644, "bench.hcl")
	verb := func(name string) []string { return []string{t.binary, "-f", path, name} }
	return launch{
		argv: verb("up"), apply: verb("up"), status: verb("status"), plan: verb("plan"),
		stdout: os.DevNull, // the merged output, which nobody reads here
		signal: syscall.SIGTERM,
		log:    t.path(".syndicate", "bench", "logs", "*"),
	}, err
}

// configuration returns what a user would write for these services.
func configuration(t *trial, services []service, o options) string {
	var s strings.Builder
	s.WriteString("syndicate {\n  name = \"bench\"\n}\n")
	for _, svc := range services {
		fmt.Fprintf(&s, "\nservice %q {\n", svc.name)
		fmt.Fprintf(&s, "  command = [%s]\n", quoted(append([]string{t.probe}, svc.args...)))
		fmt.Fprintf(&s, "  env     = { PROBE_EVENTS = %q }\n", t.events)
		if len(svc.needs) > 0 {
			fmt.Fprintf(&s, "  depends_on = [service.%s]\n", strings.Join(svc.needs, ", service."))
		}
		if svc.ready != nil {
			fmt.Fprintf(&s, "  ready {\n    %s\n  }\n", svc.ready.attribute(svc.name))
		}
		if o.again {
			s.WriteString("  start {\n    attempts = 1000\n    delay = \"0s\"\n  }\n")
			s.WriteString("  restart {\n    limit = 1000\n    delay = \"0s\"\n  }\n")
		}
		if o.logs {
			s.WriteString("  log {\n    max_size = \"4GB\"\n  }\n")
		}
		s.WriteString("}\n")
	}
	return s.String()
}

// attribute is the line of a ready block.
func (r ready) attribute(name string) string {
	switch r.kind {
	case "http":
		return fmt.Sprintf("http = %q", fmt.Sprintf("http://127.0.0.1:%d/", r.port))
	case "tcp":
		return fmt.Sprintf("tcp = %q", fmt.Sprintf("127.0.0.1:%d", r.port))
	case "exec":
		return fmt.Sprintf("exec = [%s]", quoted([]string{"test", "-f", r.file}))
	case "log":
		return fmt.Sprintf("log = %q", name+" is ready")
	case "file":
		return fmt.Sprintf("file = %q", r.file)
	default:
		return "notify = true"
	}
}

func quoted(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(all, ", ")
}
