package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/plan"
)

// Command is what some units are told to do.
type Command struct {
	// Verb is start, stop, restart, or another action that the units have:
	// see Actions.
	Verb  string
	Units []string // IDs
	Args  []string // of the action
	// By says who asks, in words: "root (pid 4711)".
	By string
	// Waiting is told, once, whose turn it is; nil is silence.
	Waiting func(holder string, since time.Time)
}

// String is the command as its turn is named: "stop service.api by root".
func (c Command) String() string {
	return strings.TrimSpace(c.Verb + " " + strings.Join(c.Units, " ") + " by " + c.By)
}

// UnknownUnitError names units that do not exist, and all that do.
type UnknownUnitError struct {
	Units []string
	Known []string
}

func (e *UnknownUnitError) Error() string {
	return fmt.Sprintf("there is no unit %s", strings.Join(e.Units, ", "))
}

// ActionError says that a unit has no such action.
type ActionError struct {
	Unit, Action string
	Known        []string // what it has
}

func (e *ActionError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("%s has no action %q: it can be told nothing", e.Unit, e.Action)
	}
	return fmt.Sprintf("%s has no action %q: it has %s", e.Unit, e.Action, strings.Join(e.Known, ", "))
}

// actions are what the units of a kind can be told.
var actions = map[string][]string{
	string(plan.StepService):    {"start", "stop", "restart", "signal"},
	string(plan.StepServer):     {"start", "stop", "restart", "check", "migrate", "trip", "reset"},
	string(plan.StepMigrations): {"migrate"},
	string(plan.StepGateway):    {"start", "stop", "restart"},
	string(plan.StepBreaker):    {"start", "stop", "restart", "trip", "reset", "force"},
	string(plan.StepTask):       nil,
}

// Actions lists what a unit of a kind can be told, the first word of each.
func Actions(kind plan.StepKind) []string { return slices.Clone(actions[string(kind)]) }

// signaler is work whose process can be signalled.
type signaler interface {
	signal(syscall.Signal) error
}

// Do tells units to do something, and returns when that has settled. A stop
// is a hold: the unit, and what cannot run without it, stays stopped until it
// is told to start. A context that ends gives up the waiting for the turn.
func (e *Engine) Do(ctx context.Context, cmd Command) (Change, error) {
	if err := e.check(cmd); err != nil {
		return Change{}, err
	}
	if cmd.Verb == "signal" {
		return e.signal(cmd)
	}
	if cmd.Verb == "check" {
		return e.checkDatabases(ctx, cmd)
	}
	if cmd.Verb == "trip" || cmd.Verb == "reset" || cmd.Verb == "force" {
		return e.breakers(cmd)
	}
	waited, err := e.turn(ctx, cmd.String(), cmd.Waiting)
	if err != nil {
		return Change{}, err
	}
	defer e.turns.end()
	// They may have gone while this waited.
	if err := e.check(cmd); err != nil {
		return Change{}, err
	}
	op := newOperation()
	op.by = cmd.By
	ev := evCommand{op: op, verb: cmd.Verb, units: cmd.Units, why: map[string]string{
		"stop": heldPrefix, "start": "started ", "restart": "restarted ", "migrate": "asked ",
	}[cmd.Verb] + "by " + cmd.By}
	if cmd.Verb == verbStop {
		ev.why += " at " + time.Now().Format(time.DateTime)
	}
	if cmd.Verb == "migrate" {
		ev.verb, ev.units = verbAgain, e.migrationsOf(cmd.Units)
	}
	for _, id := range cmd.Units {
		e.asked(id, cmd.Verb, cmd.By)
	}
	e.perform(op, ev)
	change := e.changed(op)
	change.Waited = waited
	return change, nil
}

// check reports units and actions that there are not.
func (e *Engine) check(cmd Command) error {
	known := e.core.definitions()
	holds := map[string]string{}
	if cmd.Verb == verbStart {
		holds = e.core.holds() // which a start ends, though nothing is declared to start
	}
	var unknown []string
	for _, id := range cmd.Units {
		m := known[id]
		if m == nil && holds[id] != "" {
			continue
		}
		if m == nil {
			unknown = append(unknown, id)
			continue
		}
		has := e.actionsOf(m)
		if !slices.Contains(has, cmd.Verb) {
			return &ActionError{Unit: id, Action: cmd.Verb, Known: has}
		}
	}
	if len(unknown) > 0 {
		ids := make([]string, 0, len(known))
		for id := range known {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		return &UnknownUnitError{Units: unknown, Known: ids}
	}
	return nil
}

// actionsOf lists what one unit can be told.
func (e *Engine) actionsOf(m *member) []string {
	has := actions[m.kind]
	if m.kind == string(plan.StepServer) && len(e.migrationsOf([]string{m.id})) == 0 {
		has = slices.DeleteFunc(slices.Clone(has), func(a string) bool { return a == "migrate" })
	}
	return has
}

// migrationsOf finds the units that migrate some databases.
func (e *Engine) migrationsOf(ids []string) []string {
	known := e.core.definitions()
	var list []string
	for _, id := range ids {
		if m := known[id]; m != nil && m.kind == string(plan.StepMigrations) {
			list = append(list, id)
		} else if m := known[id+".migrations"]; m != nil {
			list = append(list, m.id)
		}
	}
	return list
}

// signal sends a signal to the leaders of running services.
func (e *Engine) signal(cmd Command) (Change, error) {
	var sig syscall.Signal
	if len(cmd.Args) == 1 { // kill(1) takes both names, too
		name := strings.ToUpper(cmd.Args[0])
		sig = cmp.Or(signals[name], signals["SIG"+name])
	}
	if sig == 0 {
		names := make([]string, 0, len(signals))
		for name := range signals {
			names = append(names, name)
		}
		slices.Sort(names)
		return Change{}, fmt.Errorf("signal: give one of %s", strings.Join(names, ", "))
	}
	known := e.core.definitions()
	for _, id := range cmd.Units {
		m := known[id]
		if m == nil {
			return Change{}, &UnknownUnitError{Units: []string{id}}
		}
		if err := m.work.(signaler).signal(sig); err != nil {
			return Change{}, fmt.Errorf("signal %s: %w", id, err)
		}
	}
	return e.changed(newOperation()), nil
}

// checkDatabases asks databases whether they answer.
func (e *Engine) checkDatabases(ctx context.Context, cmd Command) (Change, error) {
	known := e.core.definitions()
	op := newOperation()
	for _, id := range cmd.Units {
		m := known[id]
		if m == nil {
			return Change{}, &UnknownUnitError{Units: []string{id}}
		}
		if err := m.work.(checker).check(ctx); err != nil {
			op.culprit = cmp.Or(op.culprit, id)
			op.why = cmp.Or(op.why, fmt.Sprintf("%s does not answer: %v", id, err))
		}
	}
	return e.changed(op), nil
}

// heldPrefix begins the reason of a hold.
const heldPrefix = "stopped "

// checker is work that can be asked whether it is well.
type checker interface {
	check(context.Context) error
}
