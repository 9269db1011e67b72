package doctor

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// wanted is a port that the configuration fixes.
type wanted struct {
	port int
	by   string
}

// ports looks for fixed ports of the configuration that somebody listens on.
func (e *exam) ports() {
	if e.System == nil || e.held {
		return
	}
	all := e.wantedPorts()
	if len(all) == 0 {
		return
	}
	listening, known := e.listening()
	free := true
	for _, w := range all {
		owner, taken := listening[w.port]
		if !known {
			taken = !free4(w.port)
		}
		if !taken {
			continue
		}
		free = false
		who := "another process; as root, doctor says which"
		mend := []string{"stop what listens there, or change the port"}
		if pid, program := e.owner(owner); pid != 0 {
			who = fmt.Sprintf("process %d (%s)", pid, program)
			mend = []string{fmt.Sprintf("stop it: kill %d; or change the port, or let syndicate choose one: port = \"auto\"", pid)}
		}
		e.find("ports", Problem, fmt.Sprintf("port %d of %s is in use", w.port, w.by), []string{"It is held by " + who + "."}, mend)
	}
	if free {
		e.find("ports", OK, "the ports of the configuration are free", nil, nil)
	}
}

// wantedPorts are all fixed ports, in order.
func (e *exam) wantedPorts() []wanted {
	var all []wanted
	add := func(addr spec.Addr, name string, p *spec.Port) {
		if p != nil && !p.Auto && p.Number != 0 {
			by := addr.String()
			if name != "" {
				by += ".ports." + name
			}
			all = append(all, wanted{p.Number, by})
		}
	}
	for _, s := range e.System.Services {
		add(s.Addr, "", s.Port)
		for name, p := range s.Ports {
			add(s.Addr, name, &p)
		}
	}
	for _, db := range e.System.Databases {
		if db.Managed != nil && db.Source == "managed" {
			add(db.Addr, "", &db.Managed.Port)
		}
	}
	slices.SortFunc(all, func(a, b wanted) int {
		if a.port != b.port {
			return a.port - b.port
		}
		return strings.Compare(a.by, b.by)
	})
	return all
}

// listening maps the ports that something listens on to the inode of the
// socket, as the kernel's tables say; false where there are none.
func (e *exam) listening() (map[int]string, bool) {
	ports := map[int]string{}
	known := false
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, ok := e.read(table)
		if !ok {
			continue
		}
		known = true
		for line := range strings.Lines(text) {
			fields := strings.Fields(line)
			const listen = "0A"
			if len(fields) < 10 || fields[3] != listen {
				continue
			}
			_, hex, _ := strings.Cut(fields[1], ":")
			if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
				ports[int(port)] = fields[9]
			}
		}
	}
	return ports, known
}

// owner finds the process that has a socket open; 0 where it is hidden.
func (e *exam) owner(inode string) (int, string) {
	if inode == "" || inode == "0" {
		return 0, ""
	}
	links, _ := filepath.Glob(e.Root + "/proc/[0-9]*/fd/*")
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != "socket:["+inode+"]" {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		return pid, strings.TrimSpace(string(name))
	}
	return 0, ""
}

// free4 tries to listen, for systems without the kernel's tables.
func free4(port int) bool {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}
