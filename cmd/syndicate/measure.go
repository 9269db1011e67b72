package main

import (
	"io"
	"runtime/debug"
	"sync"

	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/metric"
)

// meter makes the metrics of one life of a system. It takes next to no
// memory before somebody asks for them.
type meter struct {
	engine   *engine.Engine // set before anybody asks
	recorder metric.Recorder
	exporter func() (*metric.Exporter, error)
}

func newMeter(system string) *meter {
	m := &meter{}
	m.exporter = sync.OnceValues(func() (*metric.Exporter, error) {
		info, _ := debug.ReadBuildInfo()
		return metric.New(metric.Config{
			System: system, Version: buildVersion(version, info).Version, Source: m.snapshot, Recorder: &m.recorder,
			SystemStates: []string{
				string(engine.SystemStarting), string(engine.SystemReady), string(engine.SystemDegraded),
				string(engine.SystemFailed), string(engine.SystemStopping), string(engine.SystemStopped),
			},
			UnitStates: []string{
				string(engine.Pending), string(engine.Starting), string(engine.Ready), string(engine.Unhealthy),
				string(engine.Backoff), string(engine.Blocked), string(engine.Stopping), string(engine.Stopped),
				string(engine.Failed), string(engine.Completed),
			},
		})
	})
	return m
}

// observe counts a start that led where it should.
func (m *meter) observe(ev event.Event) {
	to := engine.State(ev.To)
	if ev.Kind == event.Transition && ev.From == string(engine.Starting) && (to == engine.Ready || to == engine.Completed) {
		m.recorder.Started(ev.UnitKind, ev.Took)
	}
}

// write is what the server answers a scrape with.
func (m *meter) write(w io.Writer) error {
	e, err := m.exporter()
	if err != nil {
		return err
	}
	return e.Write(w)
}

// snapshot asks the engine for its state, and measures its units.
func (m *meter) snapshot() metric.Snapshot {
	st := m.engine.Measured()
	usages := map[string]*metric.Usage{}
	list, _ := m.engine.Usage()
	for _, u := range list {
		usages[u.Unit] = &metric.Usage{Processes: u.Processes, CPU: u.CPU, Resident: u.Resident}
	}
	s := metric.Snapshot{
		State: string(st.State), Since: st.Since, Databases: m.engine.Databases(),
		Gateways: m.engine.Gateways(), Poolers: m.engine.Poolers(), Breakers: m.engine.Breakers(),
	}
	for _, n := range st.Notices {
		s.JournalUnwritten = s.JournalUnwritten || n.What == engine.NoticeJournal
		s.LogsUnwritten += len(n.Units)
	}
	for _, u := range st.Units {
		s.Units = append(s.Units, metric.Unit{
			ID: u.ID, Kind: u.Kind, State: string(u.State), Restarts: u.Restarts,
			ReadyAfter: u.ReadyAfter, Memory: u.Memory, Usage: usages[u.ID],
		})
	}
	return s
}
