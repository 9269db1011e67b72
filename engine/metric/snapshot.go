package metric

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Snapshot is a system at one moment.
type Snapshot struct {
	State string
	Since time.Time // when the engine began
	// JournalUnwritten is that the journal cannot be written now, and
	// LogsUnwritten of how many units the log cannot.
	JournalUnwritten bool
	LogsUnwritten    int
	Units            []Unit
	// Databases are those that the engine reaches, in order.
	Databases []Database
	// Gateways are those that run, in order.
	Gateways []Gateway
	// Poolers are those that run and answer, in order.
	Poolers []Pooler
	// Breakers are all that are declared, in order.
	Breakers []Breaker
}

// Unit is one unit at that moment.
type Unit struct {
	ID         string
	Kind       string
	State      string
	Restarts   int           // as api.Unit counts them
	ReadyAfter time.Duration // of the current run, 0 before
	Memory     int64         // bytes; 0 where nothing of it runs, or nobody can tell
	Usage      *Usage        // nil where nothing of it runs, or nobody can tell
}

// Usage is what the whole process tree of a unit takes.
type Usage struct {
	Processes int
	CPU       time.Duration
	Resident  int64 // bytes
}

// Config describes an Exporter.
type Config struct {
	System  string // the name, a label of every metric of the system
	Version string // of this program
	// Source takes a snapshot, once for each scrape.
	Source   func() Snapshot
	Recorder *Recorder
	// States are those that a system and a unit can be in: each has a
	// series, also where nothing is in it.
	SystemStates, UnitStates []string
}

// Exporter writes metrics. It is safe for concurrent use.
type Exporter struct{ cfg Config }

// New returns an Exporter. It measures nothing before Write.
func New(cfg Config) (*Exporter, error) {
	if cfg.Source == nil || cfg.Recorder == nil {
		return nil, errors.New("export metrics: a source and a recorder are needed")
	}
	return &Exporter{cfg}, nil
}

// Write takes a snapshot and writes it in Prometheus' text format.
func (e *Exporter) Write(w io.Writer) error {
	s := e.cfg.Source()
	p := &page{}
	p.one("syndicate_build_info", gauge, "The program that runs the system; always 1.", 1,
		"version", e.cfg.Version, "go_version", runtime.Version())
	p.common = []string{"system", e.cfg.System}
	e.system(p, s)
	units(p, s.Units)
	databases(p, s.Databases)
	gateways(p, s.Gateways)
	poolers(p, s.Poolers)
	breakers(p, s.Breakers)
	e.cfg.Recorder.write(p)
	p.common = nil
	self(p)
	if _, err := p.buf.WriteTo(w); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// system writes what is told of the system as a whole.
func (e *Exporter) system(p *page, s Snapshot) {
	p.family("syndicate_system_state", gauge, "1 for the state that the system is in, 0 for the others.")
	for _, state := range with(e.cfg.SystemStates, s.State) {
		p.sample(truth(state == s.State), "state", state)
	}
	p.one("syndicate_system_start_time_seconds", gauge, "When the engine began, in seconds since 1970.", float64(s.Since.UnixNano())/1e9)
	p.one("syndicate_journal_unwritten", gauge, "1 where the journal cannot be written and events wait in memory, else 0.", truth(s.JournalUnwritten))
	p.one("syndicate_logs_unwritten", gauge, "Units whose log cannot be written, so that their lines are lost.", float64(s.LogsUnwritten))
	counts, states := map[string]int{}, e.cfg.UnitStates
	for _, u := range s.Units {
		counts[u.State]++
		states = with(states, u.State)
	}
	p.family("syndicate_units", gauge, "Units by their state.")
	for _, state := range states {
		p.sample(float64(counts[state]), "state", state)
	}
}

// units writes what is told of each unit.
func units(p *page, list []Unit) {
	each := func(name, kind, help string, value func(u *Unit) (float64, bool)) {
		begun := false
		for i := range list {
			u := &list[i]
			v, ok := value(u)
			if !ok {
				continue
			}
			if !begun {
				begun = true
				p.family("syndicate_unit_"+name, kind, help)
			}
			p.sample(v, "unit", u.ID, "kind", u.Kind)
		}
	}
	used := func(value func(*Usage) float64) func(*Unit) (float64, bool) {
		return func(u *Unit) (float64, bool) {
			if u.Usage == nil {
				return 0, false
			}
			return value(u.Usage), true
		}
	}
	each("ready", gauge, "1 where the unit is ready, or is a task that has completed; else 0.", func(u *Unit) (float64, bool) {
		return truth(u.State == "ready" || u.State == "completed"), true
	})
	each("restarts_total", counter, "Restarts of the unit since the engine began, without attempts before it was ever ready and starts after a stop or for a change.", func(u *Unit) (float64, bool) {
		return float64(u.Restarts), true
	})
	each("start_duration_seconds", gauge, "Time that the current run took to become ready.", func(u *Unit) (float64, bool) {
		return u.ReadyAfter.Seconds(), u.ReadyAfter > 0
	})
	each("cpu_seconds_total", counter, "CPU time of the unit's processes, user and system, in the current run.", used(func(u *Usage) float64 {
		return u.CPU.Seconds()
	}))
	each("memory_bytes", gauge, "Memory in RAM of the unit's processes, as status has it: pages that they share count once.", func(u *Unit) (float64, bool) {
		return float64(u.Memory), u.Memory > 0
	})
	each("resident_memory_bytes", gauge, "Memory in RAM of the unit's processes; pages that they share count in each.", used(func(u *Usage) float64 {
		return float64(u.Resident)
	}))
	each("processes", gauge, "Processes of the unit.", used(func(u *Usage) float64 {
		return float64(u.Processes)
	}))
}

// write tells what the recorder has counted, in order of the labels.
func (r *Recorder) write(p *page) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.starts) > 0 {
		p.family("syndicate_start_duration_seconds", histogram, "Time from the start of a unit to its readiness, or to the end of a task.")
		for _, kind := range sorted(r.starts, strings.Compare) {
			p.durations(r.starts[kind], startBounds, "kind", kind)
		}
	}
	if len(r.probes) > 0 {
		p.family("syndicate_probe_duration_seconds", histogram, "Time that one look of a probe took.")
		for _, key := range sorted(r.probes, probe.compare) {
			p.durations(r.probes[key], probeBounds, "probe", key.kind, "result", key.result())
		}
	}
}

// with returns the states, and one more where it is not among them.
func with(states []string, state string) []string {
	if state == "" || slices.Contains(states, state) {
		return states
	}
	return append(slices.Clone(states), state)
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
