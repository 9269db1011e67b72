package engine

import (
	"fmt"
	"os"
	"strings"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

func pid() int { return os.Getpid() }

// members builds a member for each step of the plan, in the plan's order,
// which is a topological one. What runs and stays as it is keeps its work.
func (e *Engine) members(sys *spec.System, p *plan.Plan, running map[string]*member) ([]*member, error) {
	index := make(map[string]int, len(p.Steps))
	for i := range p.Steps {
		index[p.Steps[i].ID] = i
	}
	blocks := newBlocks(sys)
	list := make([]*member, 0, len(index))
	for i := range p.Steps {
		step := &p.Steps[i]
		m, err := e.member(step, blocks, running[step.ID])
		if err != nil {
			return nil, err
		}
		for _, n := range step.Needs {
			j, ok := index[n.Step]
			if !ok || j >= i {
				return nil, fmt.Errorf("the plan has %s before %s, which it needs", step.ID, n.Step)
			}
			m.needs = append(m.needs, need{unit: j, condition: n.Condition, soft: n.Soft, what: n.String()})
		}
		for _, n := range step.Beyond {
			m.needs = append(m.needs, need{beyond: n.Step, condition: n.Condition, soft: n.Soft, what: n.String()})
		}
		list = append(list, m)
	}
	return list, nil
}

// blocks finds the declaration of a step.
type blocks struct {
	services  map[spec.Addr]*spec.Service
	tasks     map[spec.Addr]*spec.Task
	databases map[spec.Addr]*spec.Database
	breakers  map[spec.Addr]*spec.Breaker
}

func newBlocks(sys *spec.System) blocks {
	b := blocks{
		map[spec.Addr]*spec.Service{}, map[spec.Addr]*spec.Task{}, map[spec.Addr]*spec.Database{},
		map[spec.Addr]*spec.Breaker{},
	}
	for _, x := range sys.Breakers {
		b.breakers[x.Addr] = x
	}
	for _, s := range sys.Services {
		b.services[s.Addr] = s
	}
	for _, t := range sys.Tasks {
		b.tasks[t.Addr] = t
	}
	for _, d := range sys.Databases {
		b.databases[d.Addr] = d
	}
	return b
}

// member builds the unit of one step. Where its run need not change it goes
// on with the work of the one that runs.
func (e *Engine) member(step *plan.Step, b blocks, running *member) (*member, error) {
	m, err := e.build(step, b)
	if err != nil {
		return nil, err
	}
	m.id, m.kind, m.critical = step.ID, string(step.Kind), step.Critical
	m.digest, m.runDigest, m.why = step.Digest, step.RunDigest, step.Reason
	// What has completed and has more to do does that as soon as it can.
	m.rerun = step.Action == plan.Start || step.Blocked != "" && (step.Kind == plan.StepTask || step.Kind == plan.StepMigrations)
	m.inPlace = step.Action == plan.Keep || step.Action == plan.Update
	m.declared = step.Unit()
	m.numbers = e.numbers(step.Ports, step.TakesFrom(), b)
	m.aims = e.numbers(nil, step.Aims(), b)
	if running != nil && running.runDigest == m.runDigest && running.numbers == m.numbers {
		m.work = running.work
	}
	return &m, nil
}

// numbers lists the chosen ports of some keys and of some blocks.
func (e *Engine) numbers(own []string, of []spec.Addr, b blocks) string {
	var list []string
	add := func(keys []string) {
		for _, key := range keys {
			list = append(list, fmt.Sprintf("%s=%d", key, e.site.chosen(key)))
		}
	}
	add(own)
	for _, addr := range of {
		add(b.autoPorts(addr))
	}
	return strings.Join(list, " ")
}

// autoPorts lists the keys of a block's ports that are chosen, in order.
func (b blocks) autoPorts(addr spec.Addr) []string {
	if svc := b.services[addr]; svc != nil {
		return plan.AutoPorts(svc)
	}
	if brk := b.breakers[addr]; brk != nil {
		return plan.AutoPorts(brk)
	}
	return plan.AutoPorts(b.databases[addr])
}

func (e *Engine) newMember(step *plan.Step, b blocks) (member, error) {
	switch step.Kind {
	case plan.StepService:
		return e.serviceMember(step.ID, b.services[step.Addr])
	case plan.StepTask:
		return e.taskMember(step.ID, b.tasks[step.Addr])
	case plan.StepServer:
		return e.databaseMember(step.ID, b.databases[step.Addr])
	case plan.StepMigrations:
		return e.migrationsMember(step.ID, b.databases[step.Addr])
	case plan.StepBreaker:
		return e.breakerMember(step.ID, b.breakers[step.Addr])
	case plan.StepGateway:
		return e.gatewayMember(step.ID, b.databases[step.Addr])
	}
	return member{}, fmt.Errorf("%s: a %s has no runtime in this version", step.ID, step.Kind)
}

func (e *Engine) serviceMember(id string, svc *spec.Service) (member, error) {
	out, err := e.openLog(id, svc.Log)
	if err != nil {
		return member{}, err
	}
	return member{
		policy: policy{
			first: svc.Start, restart: svc.Restart,
			restartUnhealthy: true,
			restartWithNeeds: svc.OnDependencyRestart == "restart",
			claims:           e.site.servicePorts(svc),
		},
		work: newServiceWork(e.site, svc, out),
		adopt: func(w work) {
			w.(*serviceWork).svc.set(svc)
			out.Bound(int64(svc.Log.MaxSize), svc.Log.Keep)
		},
		port: e.site.servicePort(svc), url: e.site.serviceURL(svc),
	}, nil
}

func (e *Engine) taskMember(id string, task *spec.Task) (member, error) {
	out, err := e.openLog(id, task.Log)
	if err != nil {
		return member{}, err
	}
	return member{
		policy: policy{
			oneShot: true,
			first:   spec.Start{Attempts: task.Retry.Attempts, Backoff: task.Retry.Backoff},
		},
		work: &taskWork{site: e.site, task: newCurrent(task), out: out},
		adopt: func(w work) {
			w.(*taskWork).task.set(task)
			out.Bound(int64(task.Log.MaxSize), task.Log.Keep)
		},
	}, nil
}
