package engine

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/probe"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/spec"
)

// site is what all units of one life share.
type site struct {
	stateDir string
	environ  *baseEnvironment // of this life
	life     string
	redact   redactor
	log      hclog.Logger

	host      *process.Host
	listeners *listeners
	files     *probe.Files
	slots     *probe.Slots
	buffers   *log.Buffers
	probed    func(spec.ProbeKind, time.Duration, bool) // nil: nobody is told
	// How often ledgers and schemas are looked at.
	ledgerEvery, schemaEvery time.Duration
	report                   func(event.Event)   // tells of something, without waiting for the loop's turn
	answers                  func(*spec.Service) // was started, and is ready by its probe

	mu        sync.Mutex
	services  map[spec.Addr]*spec.Service  // guarded by mu
	ports     Ports                        // guarded by mu; the map itself is never changed
	breakers  map[spec.Addr]*spec.Breaker  // guarded by mu
	databases map[spec.Addr]*spec.Database // guarded by mu
	endpoints map[spec.Addr]pg.Endpoint    // of the databases that answer; guarded by mu
	notifier  *probe.Notifier              // nil until needed; guarded by mu
}

// newSite is what the units of a system share before anything runs.
func newSite(sys *spec.System, life string, ports Ports, logger hclog.Logger) *site {
	s := &site{
		stateDir: sys.StateDir, environ: newBaseEnvironment(sys.Environ), life: life, log: logger,
		buffers: log.NewBuffers(),
		report:  func(event.Event) {}, answers: func(*spec.Service) {}, ledgerEvery: ledgerEvery, schemaEvery: schemaEvery,
	}
	s.declare(sys, ports)
	return s
}

// declare makes what is declared known to expressions that are evaluated
// later.
func (s *site) declare(sys *spec.System, ports Ports) {
	services := make(map[spec.Addr]*spec.Service, len(sys.Services))
	for _, svc := range sys.Services {
		services[svc.Addr] = svc
	}
	breakers := make(map[spec.Addr]*spec.Breaker, len(sys.Breakers))
	for _, b := range sys.Breakers {
		breakers[b.Addr] = b
	}
	databases := make(map[spec.Addr]*spec.Database, len(sys.Databases))
	for _, db := range sys.Databases {
		databases[db.Addr] = db
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.services, s.breakers, s.databases, s.ports = services, breakers, databases, ports
}

// Ports are the ports that were chosen for "auto": by the address of a
// service or database, with ".NAME" behind it for one of a service's ports.
type Ports map[string]int

// PortKey is the key of a port in Ports; name is empty but for `ports`.
func PortKey(addr spec.Addr, name string) string {
	if name == "" {
		return addr.String()
	}
	return addr.String() + "." + name
}

// number returns the port in force.
func (s *site) number(addr spec.Addr, name string, p spec.Port) int {
	if !p.Auto {
		return p.Number
	}
	return s.chosen(PortKey(addr, name))
}

// chosen returns the number of a port "auto", by its key.
func (s *site) chosen(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ports[key]
}

// servicePorts are what one service at a time can have.
func (s *site) servicePorts(svc *spec.Service) []string {
	var list []string
	if svc.Port != nil {
		list = append(list, claim(svc.Host, s.servicePort(svc)))
	}
	for name, p := range svc.Ports {
		list = append(list, claim(svc.Host, s.number(svc.Addr, name, p)))
	}
	slices.Sort(list)
	return list
}

const portClaim = "port "

func claim(host string, port int) string {
	return portClaim + net.JoinHostPort(host, strconv.Itoa(port))
}

// listens lists the addresses among the claims of a unit.
func (p *policy) listens() []string {
	var list []string
	for _, c := range p.claims {
		if address, ok := strings.CutPrefix(c, portClaim); ok {
			list = append(list, address)
		}
	}
	return list
}

// servicePort returns the port of a service, 0 without one.
func (s *site) servicePort(svc *spec.Service) int {
	if svc.Port == nil {
		return 0
	}
	return s.number(svc.Addr, "", *svc.Port)
}

// serviceURL returns the URL of a service, empty without a port.
func (s *site) serviceURL(svc *spec.Service) string {
	port := s.servicePort(svc)
	if port == 0 {
		return ""
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(svc.Host, strconv.Itoa(port))}
	return u.String()
}

// lookup gives attributes to expressions that were unknown while planning.
func (s *site) lookup(addr spec.Addr, attribute string) (any, error) {
	s.mu.Lock()
	svc, brk := s.services[addr], s.breakers[addr]
	s.mu.Unlock()
	if addr.Kind == spec.KindDatabase {
		return s.databaseAttribute(addr, attribute)
	}
	if svc != nil {
		return s.serviceAttribute(svc, attribute)
	}
	if brk != nil && attribute == "url" {
		return s.breakerURL(brk), nil
	}
	return nil, fmt.Errorf("%s has no attribute %s", addr, attribute)
}

func (s *site) serviceAttribute(svc *spec.Service, attribute string) (any, error) {
	switch attribute {
	case "host":
		return svc.Host, nil
	case "port":
		return s.servicePort(svc), nil
	case "url":
		return s.serviceURL(svc), nil
	case "ports":
		ports := make(map[string]int, len(svc.Ports))
		for name, p := range svc.Ports {
			ports[name] = s.number(svc.Addr, name, p)
		}
		return ports, nil
	}
	return nil, fmt.Errorf("%s has no attribute %s", svc.Addr, attribute)
}

// notifications returns what makes the sockets for sd_notify.
func (s *site) notifications() (*probe.Notifier, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.notifier == nil {
		n, err := probe.NewNotifier(filepath.Join(s.stateDir, "notify"))
		if err != nil {
			return nil, err
		}
		s.notifier = n
	}
	return s.notifier, nil
}
