package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/metric"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// lot is one declared block of an estate.
type lot struct {
	addr     spec.Addr
	version  int // of what its process is started with
	policy   int // of what changes in place
	critical bool
	follows  bool // it restarts with what it needs
	// port is auto, a number, or the key of a chosen port that is declared for
	// this lot now; empty: none.
	port  string
	needs []spec.Edge
	conduct
}

// conduct is what the runs of a lot do.
type conduct struct {
	readyAfter, stopTakes time.Duration
	fails                 bool // each ends instead of becoming ready
}

// The places of an estate: what may stand there.
var lotAddrs = []spec.Addr{
	{Kind: spec.KindDatabase, Name: "d"}, {Kind: spec.KindBreaker, Name: "b"},
	{Kind: spec.KindTask, Name: "t1"}, {Kind: spec.KindTask, Name: "t2"},
	{Kind: spec.KindService, Name: "s1"}, {Kind: spec.KindService, Name: "s2"}, {Kind: spec.KindService, Name: "s3"},
	{Kind: spec.KindService, Name: "s4"}, {Kind: spec.KindService, Name: "s5"},
}

// drawLots draws the declaration of an estate, as an edit of another one. The
// first one does not fail.
func drawLots(t *rapid.T, before []*lot, versions *int) []*lot {
	var list []*lot
	addrs := lotAddrs
	if rapid.IntRange(0, 2).Draw(t, "reorder") == 0 { // what needed another may be needed by it
		addrs = rapid.Permutation(lotAddrs).Draw(t, "order")
	}
	for _, addr := range addrs {
		at := slices.IndexFunc(before, func(l *lot) bool { return l.addr == addr })
		if rapid.IntRange(0, 5).Draw(t, "there") == 0 {
			continue
		}
		l := &lot{addr: addr}
		if at >= 0 {
			*l = *before[at]
		}
		switch edit := rapid.IntRange(0, 6).Draw(t, "edit"); {
		case at < 0 || edit == 0:
			*versions++
			l.version = *versions
			l.critical = rapid.IntRange(0, 2).Draw(t, "critical") > 0
			l.follows = rapid.IntRange(0, 2).Draw(t, "follows") == 0
			l.conduct = conduct{
				readyAfter: drawDuration(t, "ready"), stopTakes: drawDuration(t, "stop"),
				fails: before != nil && rapid.IntRange(0, 6).Draw(t, "fails") == 0,
			}
		case edit == 1:
			l.policy++
		case edit == 2:
			l.follows = !l.follows
		}
		if at < 0 || rapid.IntRange(0, 5).Draw(t, "moves") == 0 {
			l.port = drawPort(t, addr)
		}
		l.needs = drawNeeds(t, l, list)
		list = append(list, l)
	}
	return list
}

func drawPort(t *rapid.T, addr spec.Addr) string {
	switch addr.Kind {
	case spec.KindTask:
		return ""
	case spec.KindDatabase: // of its gateway
		return rapid.SampledFrom([]string{"", "auto", "auto"}).Draw(t, "gateway")
	case spec.KindBreaker:
		return rapid.SampledFrom([]string{"auto", "auto", "21001", "21002"}).Draw(t, "listen")
	}
	chosen := []string{"", "auto", "auto", "21001", "21002", "21003", "breaker.b", "database.d.gateway", "service.s1", "service.s2"}
	return rapid.SampledFrom(chosen).Draw(t, "port")
}

// drawNeeds keeps some needs of a lot, and draws some.
func drawNeeds(t *rapid.T, l *lot, earlier []*lot) []spec.Edge {
	var needs []spec.Edge
	for _, o := range earlier {
		at := slices.IndexFunc(l.needs, func(e spec.Edge) bool { return e.To == o.addr })
		switch draw := rapid.IntRange(0, 9).Draw(t, "edge"); {
		case at >= 0 && draw > 1:
			needs = append(needs, l.needs[at])
		case at < 0 && draw < 2:
			e := spec.Edge{From: l.addr, To: o.addr, Condition: "ready"}
			if o.addr.Kind == spec.KindTask {
				e.Condition = "completed"
			}
			reason := rapid.SampledFrom([]string{"depends_on", "after", "env"}).Draw(t, "reason")
			if reason == "env" && o.addr.Kind == spec.KindTask {
				reason = "depends_on"
			}
			e.Soft, e.Reasons = reason == "after", []spec.Reason{{Text: reason}}
			needs = append(needs, e)
		}
	}
	return needs
}

// estate is a running system whose plans are carried out on units that run
// no processes. What they do is the truth about what was done.
type estate struct {
	engine *Engine
	key    []byte
	kept   Ports // chosen so far

	mu       sync.Mutex
	conducts map[string]conduct       // by version; guarded by mu
	live     map[string]int           // the number of the run that each unit has; guarded by mu
	claims   map[string]string        // of live runs, and whose; guarded by mu
	begun    map[string]int           // runs of each unit so far; guarded by mu
	ended    map[string]int           // the same; guarded by mu
	runs     int                      // guarded by mu
	crash    map[string]chan struct{} // ends a run; guarded by mu
	events   map[string][]string      // what happened to each unit in the last deed; guarded by mu
	problems []string                 // guarded by mu
}

func newEstate(stateDir string) *estate {
	return &estate{
		key: []byte("key"), kept: Ports{}, conducts: map[string]conduct{}, live: map[string]int{},
		events: map[string][]string{}, claims: map[string]string{}, begun: map[string]int{}, ended: map[string]int{}, crash: map[string]chan struct{}{},
		engine: &Engine{
			site: newSite(&spec.System{StateDir: stateDir}, "life", nil, hclog.NewNullLogger()), waits: map[*operation]chan struct{}{}, logs: map[string]*log.Log{},
			cfg:     Config{Key: []byte("key"), Log: hclog.NewNullLogger()},
			servers: map[spec.Addr]*pg.Server{}, guards: map[spec.Addr]*breaker.Guard{}, tallies: map[spec.Addr]*metric.Tally{},
		},
	}
}

func (w *estate) problem(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// system declares lots. A port that another lot has is none.
func (w *estate) system(lots []*lot) *spec.System {
	sys := &spec.System{Name: "estate", Dir: "/estate", Degraded: "allow", OnFailure: "continue"}
	taken := map[int]bool{}
	number := func(l *lot) (n int, auto bool) {
		if l.port == "auto" {
			return 0, true
		}
		n, err := strconv.Atoi(l.port)
		if err != nil {
			n = w.engine.site.ports[l.port]
		}
		if taken[n] {
			return 0, l.addr.Kind == spec.KindBreaker
		}
		taken[n] = n != 0
		return n, n == 0 && l.addr.Kind == spec.KindBreaker
	}
	numbers := map[*lot]string{}
	for _, l := range lots {
		n, auto := number(l)
		numbers[l] = fmt.Sprint(n, auto)
	}
	clear(taken)
	for _, l := range lots {
		w.conducts[fmt.Sprint(l.version)] = l.conduct
		block := spec.Block{Addr: l.addr, Critical: l.critical}
		command := spec.Command{Argv: []spec.Expr[string]{spec.Known(fmt.Sprint(l.version))}}
		takes := ""
		for _, e := range l.needs {
			if e.Reasons[0].Text == "env" {
				// As with real values: one of a port that is chosen is that
				// expression, and any other is that number.
				at := slices.IndexFunc(lots, func(l *lot) bool { return l.addr == e.To })
				value := e.To.String() + "." + numbers[lots[at]]
				takes += "/" + value
				command.Env = append(command.Env, spec.EnvVar{Name: strings.ToUpper(e.To.Name), Value: spec.Known(spec.Plain(value))})
			}
		}
		n, auto := number(l)
		listen := ""
		if !auto {
			listen = fmt.Sprint("127.0.0.1:", n)
		}
		switch l.addr.Kind {
		case spec.KindService:
			svc := &spec.Service{
				Block: block, Command: command, Host: "127.0.0.1", OnDependencyRestart: "keep",
				Start:   spec.Start{Attempts: 2, Backoff: spec.DefaultBackoff},
				Restart: spec.Restart{On: "always", Limit: 2 + l.policy, Within: spec.Duration(time.Minute), Backoff: spec.DefaultBackoff},
				Stop:    spec.Stop{Signal: "SIGTERM"}, Log: spec.Log{MaxSize: spec.Megabyte, Keep: 1},
			}
			if l.follows {
				svc.OnDependencyRestart = "restart"
			}
			if n != 0 || auto {
				svc.Port = &spec.Port{Number: n, Auto: auto}
			}
			sys.Services = append(sys.Services, svc)
		case spec.KindTask:
			sys.Tasks = append(sys.Tasks, &spec.Task{
				Block: block, Command: command, Run: "up", Timeout: spec.Duration(time.Hour) * spec.Duration(1+l.policy),
				Retry: spec.Retry{Attempts: 1, Backoff: spec.DefaultBackoff}, Log: spec.Log{MaxSize: spec.Megabyte, Keep: 1},
			})
		case spec.KindBreaker:
			sys.Breakers = append(sys.Breakers, &spec.Breaker{
				Block: block, Listen: listen, ConnectTimeout: spec.Duration(time.Second) * spec.Duration(1+l.policy),
				Target: spec.Known(spec.Plain("http://127.0.0.1:1" + takes)),
			})
		case spec.KindDatabase:
			db := &spec.Database{
				Block: block, Source: "url", URL: spec.Known(spec.Plain(fmt.Sprint("postgres://x/", l.version, takes))),
				Retry: spec.Retry{Attempts: 2, Backoff: spec.DefaultBackoff}, Log: spec.Log{MaxSize: spec.Megabyte, Keep: 1},
			}
			if auto {
				db.Gateway = &spec.Gateway{MaxConn: 1 + l.policy}
			}
			sys.Databases = append(sys.Databases, db)
		}
		sys.Edges = append(sys.Edges, l.needs...)
	}
	slices.SortFunc(sys.Services, func(a, b *spec.Service) int { return a.Addr.Compare(b.Addr) })
	slices.SortFunc(sys.Tasks, func(a, b *spec.Task) int { return a.Addr.Compare(b.Addr) })
	return sys
}

// planned is how the engine's plans are made.
func (w *estate) planned(targets []spec.Addr) func(context.Context, *spec.System, *plan.Running) (*plan.Plan, error) {
	return func(_ context.Context, sys *spec.System, running *plan.Running) (*plan.Plan, error) {
		p, diags := plan.Build(sys, plan.Facts{Key: w.key, Running: running, Targets: targets})
		if diags.HasErrors() {
			return nil, diags[0]
		}
		return p, nil
	}
}

// ports decides on the ports of a system, as whoever applies it does.
func (w *estate) ports(sys *spec.System) func(Ports, map[int]bool) (Ports, error) {
	return func(running Ports, others map[int]bool) (Ports, error) {
		ports, err := ChoosePorts(sys, w.kept, running, others)
		maps.Copy(w.kept, ports)
		return ports, err
	}
}

// tenant is the work of one unit, of which it has the definition.
type tenant struct {
	estate  *estate
	id      string
	claims  []string
	oneShot bool
	conduct
}

// build makes a member that differs from a real one in its work alone.
func (w *estate) build(step *plan.Step, b blocks) (member, error) {
	m, err := w.engine.newMember(step, b)
	if err != nil {
		return m, err
	}
	tn := &tenant{estate: w, id: step.ID, claims: m.claims, oneShot: m.oneShot}
	version := ""
	if svc := b.services[step.Addr]; svc != nil {
		version, _ = svc.Argv[0].Value()
	} else if task := b.tasks[step.Addr]; task != nil {
		version, _ = task.Argv[0].Value()
	}
	tn.conduct = w.conducts[version]
	m.work, m.adopt = tn, nil
	return m, nil
}

func (tn *tenant) run(ctx context.Context, a *attempt) Outcome {
	pid, crash := tn.begin()
	defer tn.end(pid)
	a.started(pid)
	ready := time.After(tn.readyAfter)
	for {
		select {
		case <-ready:
			switch {
			case tn.fails:
				return Outcome{Err: errors.New("exit status 1"), Exit: "exit status 1"}
			case tn.oneShot:
				return Outcome{Clean: true}
			}
			a.ready()
		case <-crash:
			return Outcome{Err: errors.New("exit status 2"), Exit: "exit status 2"}
		case <-ctx.Done():
			<-time.After(tn.stopTakes)
			return Outcome{Err: context.Cause(ctx), Exit: "signal: terminated"}
		}
	}
}

// begin is the start of a run, and checks that nobody else has what it takes.
func (tn *tenant) begin() (pid int, crash chan struct{}) {
	w := tn.estate
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.live[tn.id] != 0 {
		w.problems = append(w.problems, tn.id+" runs twice")
	}
	for _, c := range tn.claims {
		if other := w.claims[c]; other != "" {
			w.problems = append(w.problems, fmt.Sprintf("%s starts while %s has %s", tn.id, other, c))
		}
		w.claims[c] = tn.id
	}
	w.runs++
	w.begun[tn.id]++
	w.live[tn.id], w.crash[tn.id] = w.runs, make(chan struct{})
	return w.runs, w.crash[tn.id]
}

func (tn *tenant) end(pid int) {
	w := tn.estate
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.live[tn.id] == pid {
		delete(w.live, tn.id)
	}
	w.ended[tn.id]++
	for _, c := range tn.claims {
		delete(w.claims, c)
	}
}

// observe keeps what happens, for messages.
func (w *estate) observe(ev event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events[ev.Unit] = append(w.events[ev.Unit], fmt.Sprintf("%s (%s)", ev.To, ev.Cause))
}

// look is what was done so far.
type look struct {
	begun, ended, live map[string]int
	running            *plan.Running
	inForce            map[string]*member
}

func (w *estate) look() look {
	running, inForce := w.engine.Running(), w.engine.core.definitions()
	w.mu.Lock()
	defer w.mu.Unlock()
	return look{maps.Clone(w.begun), maps.Clone(w.ended), maps.Clone(w.live), running, inForce}
}

// state is that of a unit, empty where there is none.
func (l *look) state(id string) State {
	for _, u := range l.running.Units {
		if u.ID == id {
			return State(u.State)
		}
	}
	return ""
}

func planText(p *plan.Plan) string {
	var list []string
	for _, s := range p.Steps {
		if s.Action != plan.Keep {
			list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s (%s) %s", s.Action, s.ID, s.Reason, s.Blocked)))
		}
	}
	for _, s := range p.Stops {
		list = append(list, "stop "+s.ID)
	}
	return strings.Join(list, "; ")
}
