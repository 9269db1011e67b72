package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/engine/graph"
	"github.com/syndicate/syndicate/spec"
)

const (
	migrated         = "migrated" // the condition of a database block
	migrationsSuffix = ".migrations"
	gatewaySuffix    = ".gateway"
)

// MigrationsID returns the ID of the step that migrates a database.
func MigrationsID(db spec.Addr) string { return db.String() + migrationsSuffix }

// migrationsOf returns the database that a migrations step belongs to.
func migrationsOf(id string) (string, bool) {
	if !strings.HasPrefix(id, string(spec.KindDatabase)+".") {
		return "", false
	}
	return strings.CutSuffix(id, migrationsSuffix)
}

// GatewayID returns the ID of the step that is a database's gateway.
func GatewayID(db spec.Addr) string { return db.String() + gatewaySuffix }

// gatewayOf returns the database that a gateway's step belongs to.
func gatewayOf(id string) (string, bool) {
	if !strings.HasPrefix(id, string(spec.KindDatabase)+".") {
		return "", false
	}
	return strings.CutSuffix(id, gatewaySuffix)
}

// Build makes the plan that brings sys up, from what facts say runs now. It
// is a pure function. Where dependencies go in a circle the plan is nil and
// the diagnostics say so, one for each circle.
func Build(sys *spec.System, facts Facts) (*Plan, spec.Diagnostics) {
	d := newDraft(sys)
	g, diags := d.order()
	if len(diags) > 0 {
		return nil, diags
	}
	p := &Plan{
		FormatVersion: FormatVersion,
		System:        sys.Name,
		Running:       facts.Running != nil,
		Steps:         make([]Step, 0, len(d.steps)),
		Stops:         []Stopped{},
		Watchers:      watchers(sys),
		Unbuilt:       unbuilt(sys),
		Skipped:       skipped(sys, facts),
	}
	describe(d, facts)
	var order []*Step
	for wave, ids := range g.Waves() {
		for _, id := range ids {
			s := &d.steps[d.index[id]]
			s.Wave = wave + 1
			order = append(order, s)
		}
	}
	wanted, diags := d.confine(facts)
	if len(diags) > 0 {
		return nil, diags
	}
	back := compare(p, d, order, facts)
	if wanted != nil {
		order = p.confine(order, wanted, facts, back)
		p.Skipped = slices.DeleteFunc(p.Skipped, func(s Skipped) bool { return !wanted[s.Addr.String()] })
	}
	for _, s := range order {
		p.Steps = append(p.Steps, *s)
	}
	p.CriticalPath = p.criticalPath()
	p.Summary = summarize(p)
	p.Digest = p.digest()
	return p, nil
}

// draft is a plan whose steps have no order yet.
type draft struct {
	sys   *spec.System
	steps []Step
	def   []any          // per step, the definition that its digest covers
	index map[string]int // step by ID
	// byBlock finds the steps of a block: the one that starts it, for a
	// database with migrations the one that completes it, and for one with a
	// gateway that.
	byBlock map[spec.Addr]blockSteps
}

type blockSteps struct{ first, last, gateway string }

// newDraft makes the steps of every block that lives, with their needs.
func newDraft(sys *spec.System) *draft {
	n := len(sys.Services) + len(sys.Tasks) + 2*len(sys.Databases) + len(sys.Breakers) + len(sys.Queues)
	d := &draft{
		sys:     sys,
		steps:   make([]Step, 0, n),
		def:     make([]any, 0, n),
		index:   make(map[string]int, n),
		byBlock: make(map[spec.Addr]blockSteps, n),
	}
	for _, b := range sys.Breakers {
		d.add(StepBreaker, b.Block, b)
	}
	for _, db := range sys.Databases {
		d.addDatabase(db)
	}
	for _, q := range sys.Queues {
		d.add(StepQueue, q.Block, q)
	}
	for _, s := range sys.Services {
		d.add(StepService, s.Block, s).Follows = s.OnDependencyRestart == "restart"
	}
	for _, t := range sys.Tasks {
		if t.Run == "up" {
			d.add(StepTask, t.Block, t)
		}
	}
	d.addNeeds()
	return d
}

func (d *draft) add(kind StepKind, b spec.Block, def any) *Step {
	id := b.Addr.String()
	d.byBlock[b.Addr] = blockSteps{first: id, last: id}
	return d.addStep(id, kind, b, def)
}

func (d *draft) addStep(id string, kind StepKind, b spec.Block, def any) *Step {
	d.index[id] = len(d.steps)
	d.def = append(d.def, def)
	d.steps = append(d.steps, Step{
		ID: id, Kind: kind, Addr: b.Addr, Range: b.Range, Critical: b.Critical,
		Needs: []Need{}, Action: Start, Ports: AutoPorts(def),
	})
	return &d.steps[len(d.steps)-1]
}

// addDatabase adds the server, and the migrations where up has any to do.
func (d *draft) addDatabase(db *spec.Database) {
	server := *db
	server.Migrations, server.Gateway = nil, nil
	d.add(StepServer, db.Block, &server).Follows = db.Source == "shared"
	d.addGateway(db)
	m := db.Migrations
	if m == nil || m.OnUp == "skip" {
		return
	}
	id := MigrationsID(db.Addr)
	s := d.addStep(id, StepMigrations, db.Block, &spec.Database{Block: spec.Block{Critical: db.Critical}, Migrations: m, Schema: db.Schema})
	s.Range = m.Range
	s.Needs = append(s.Needs, Need{
		Step:      db.Addr.String(),
		Condition: Ready,
		Reasons:   []spec.Reason{{Text: "migrations", Range: m.Range}},
	})
	steps := d.byBlock[db.Addr]
	steps.last = id
	d.byBlock[db.Addr] = steps
}

// addGateway adds the gateway of a database, which depends on where the
// server is.
func (d *draft) addGateway(db *spec.Database) {
	if db.Gateway == nil {
		return
	}
	id := GatewayID(db.Addr)
	def := &spec.Database{
		Block: spec.Block{Critical: db.Critical}, Source: db.Source, URL: db.URL, Host: db.Host, Port: db.Port, SSL: db.SSL,
		Gateway: db.Gateway, QueryTimeout: db.QueryTimeout,
	}
	if db.Managed != nil {
		def.Managed = &spec.Managed{Port: db.Managed.Port}
	}
	def.Shared = db.Shared
	s := d.addStep(id, StepGateway, db.Block, def)
	s.Range = db.Gateway.Range
	s.Ports = AutoPorts(db) // its own, and where the server is
	s.Needs = append(s.Needs, Need{
		Step:      db.Addr.String(),
		Condition: Ready,
		Reasons:   []spec.Reason{{Text: "gateway", Range: db.Gateway.Range}},
	})
	steps := d.byBlock[db.Addr]
	steps.gateway = id
	d.byBlock[db.Addr] = steps
}

// addNeeds turns the edges between blocks into needs of steps. An edge from
// or to a block that is no step makes none: such a block waits by itself.
func (d *draft) addNeeds() {
	for _, e := range d.sys.Edges {
		from, ok := d.byBlock[e.From]
		to, ok2 := d.byBlock[e.To]
		if !ok || !ok2 {
			continue
		}
		need := Need{Step: to.first, Condition: e.Condition, Soft: e.Soft, Reasons: e.Reasons}
		if e.Condition == migrated {
			need.Step, need.Condition = to.last, Completed
			if to.last == to.first {
				need.Condition = Ready
			}
		}
		s := &d.steps[d.index[from.first]]
		s.Needs = append(s.Needs, need)
		if to.gateway != "" { // the address that it may take is the gateway's
			need.Step, need.Condition = to.gateway, Ready
			s.Needs = append(s.Needs, need)
		}
	}
	for i := range d.steps {
		d.steps[i].Needs = mergeNeeds(d.steps[i].Needs)
	}
}

// mergeNeeds sorts needs and joins those for the same condition of the same
// step, which is soft only where all of them are.
func mergeNeeds(needs []Need) []Need {
	slices.SortStableFunc(needs, func(a, b Need) int {
		return cmp.Or(strings.Compare(a.Step, b.Step), strings.Compare(a.Condition, b.Condition))
	})
	merged := needs[:0]
	for _, n := range needs {
		if last := len(merged) - 1; last >= 0 && merged[last].Step == n.Step && merged[last].Condition == n.Condition {
			merged[last].Soft = merged[last].Soft && n.Soft
			merged[last].Reasons = sortReasons(slices.Concat(merged[last].Reasons, n.Reasons))
			continue
		}
		n.Reasons = sortReasons(n.Reasons)
		merged = append(merged, n)
	}
	return merged
}

func sortReasons(reasons []spec.Reason) []spec.Reason {
	order := func(a, b spec.Reason) int {
		return cmp.Or(
			strings.Compare(a.Range.Filename, b.Range.Filename),
			cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte),
			strings.Compare(a.Text, b.Text))
	}
	if slices.IsSortedFunc(reasons, order) {
		return reasons
	}
	return slices.SortedStableFunc(slices.Values(reasons), order)
}

// order makes the graph of the steps, or reports its circles.
func (d *draft) order() (*graph.Graph[string], spec.Diagnostics) {
	g, diags := d.graph()
	if len(diags) > 0 && d.holdMigrations() {
		return d.graph()
	}
	return g, diags
}

func (d *draft) graph() (*graph.Graph[string], spec.Diagnostics) {
	nodes := make([]string, len(d.steps))
	edges := make([]graph.Edge[string], 0, len(d.sys.Edges))
	for i, s := range d.steps {
		nodes[i] = s.ID
		for _, n := range s.Needs {
			edges = append(edges, graph.Edge[string]{From: s.ID, To: n.Step})
		}
	}
	g, err := graph.New(nodes, edges)
	if err != nil { // cannot happen: every need names a step
		return nil, spec.Diagnostics{{Severity: spec.Error, Summary: "Plan not possible", Detail: err.Error(), Subject: d.sys.Range}}
	}
	return g, d.cycles(g)
}

// holdMigrations moves what a database needs to its migrations, where it
// needs something that needs the database's server itself: a backup that is
// to run before the migrations does so. It reports whether it moved any.
func (d *draft) holdMigrations() bool {
	moved := false
	for i := range d.steps {
		server := &d.steps[i]
		steps := d.byBlock[server.Addr]
		if server.Kind != StepServer || steps.last == steps.first {
			continue
		}
		migrations := &d.steps[d.index[steps.last]]
		server.Needs = slices.DeleteFunc(server.Needs, func(n Need) bool {
			if !d.reaches(n.Step, server.ID) {
				return false
			}
			migrations.Needs = append(migrations.Needs, n)
			moved = true
			return true
		})
		migrations.Needs = mergeNeeds(migrations.Needs)
	}
	return moved
}

// reaches reports whether one step needs another, directly or not.
func (d *draft) reaches(from, to string) bool {
	seen := map[string]bool{from: true}
	for todo := []string{from}; len(todo) > 0; {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if id == to {
			return true
		}
		for _, n := range d.steps[d.index[id]].Needs {
			if !seen[n.Step] {
				seen[n.Step] = true
				todo = append(todo, n.Step)
			}
		}
	}
	return false
}

func summarize(p *Plan) Summary {
	sum := Summary{Stop: len(p.Stops), Update: len(p.Settings)}
	for _, f := range p.Followers {
		switch f.Action {
		case Start:
			sum.Start++
		case Stop:
			sum.Stop++
		default:
			sum.Restart++
		}
	}
	for _, s := range p.Steps {
		switch {
		case s.Action == Keep:
			sum.Keep++
		case s.Action == Update:
			sum.Update++
		case s.Action == Stop:
			sum.Stop++
		case s.Kind == StepMigrations && p.Running && len(s.Files) == 0:
			sum.Start++ // again, to see that nothing is missing
		case s.Kind == StepMigrations && s.Ledger.Source == LedgerUnknown:
			sum.Unknown += len(s.Files)
		case s.Kind == StepMigrations:
			sum.Migrations += len(s.Files)
		case s.Kind == StepTask:
			sum.Tasks++
		case s.Action == Restart:
			sum.Restart++
		default:
			sum.Start++
		}
	}
	return sum
}
