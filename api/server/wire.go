package server

import (
	"maps"
	"slices"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/engine/metric"
)

// WireStatus puts a snapshot into the form of the wire.
func WireStatus(st engine.Status, stateDir string, now time.Time) api.Status {
	out := api.Status{
		FormatVersion: api.FormatVersion,
		Name:          st.Name, Config: st.Config, StateDir: stateDir, Life: st.Life,
		PID: st.PID, Since: st.Since, Now: now,
		State: string(st.State), Cause: st.Cause,
		Units: make([]api.Unit, len(st.Units)),
	}
	for i, u := range st.Units {
		out.Units[i] = wireUnit(u)
	}
	for _, id := range slices.Sorted(maps.Keys(st.Holds)) {
		out.Holds = append(out.Holds, api.Hold{ID: id, Held: st.Holds[id]})
	}
	for _, n := range st.Notices {
		out.Notices = append(out.Notices, api.Notice(n))
	}
	return out
}

// wireUnit does the same for one unit.
func wireUnit(u engine.UnitStatus) api.Unit {
	out := api.Unit{
		ID: u.ID, Kind: u.Kind, State: string(u.State), Critical: u.Critical,
		Since: u.Since, Started: u.Started,
		ReadyAfter: api.Seconds(u.ReadyAfter.Seconds()),
		PID:        u.PID, Memory: u.Memory, Port: u.Port, URL: u.URL,
		Attempt: u.Attempt, Restarts: u.Restarts,
		WaitingFor: u.WaitingFor, Next: u.Next, Seen: u.Seen,
		Cause: u.Cause, LastExit: u.LastExit, Held: u.Held,
		Database: wireDatabase(u.Database), Breaker: wireBreaker(u.Breaker),
	}
	switch {
	case u.MemoryOfCgroup:
		out.MemoryOf = api.MemoryOfCgroup
	case u.Memory > 0:
		out.MemoryOf = api.MemoryOfProcesses
	}
	return out
}

// wireDatabase does the same for what is known of a database.
func wireDatabase(d *engine.DatabaseStatus) *api.Database {
	if d == nil {
		return nil
	}
	out := &api.Database{
		Pool:        api.Pool{Max: d.Max, InUse: d.InUse, Idle: d.Idle, Waiting: d.Waiting},
		Connections: d.Connections, MaxConnections: d.MaxConnections, Standby: d.Standby,
		Queries: calls(d.Queries), Waits: calls(d.Waits), Recovered: api.Seconds(d.Recovered.Seconds()),
	}
	out.Breaker = wireBreaker(d.Breaker)
	for _, c := range d.Checks {
		out.Checks = append(out.Checks, api.HealthCheck{At: c.At, Took: api.Seconds(c.Took.Seconds()), Error: c.Error})
	}
	return out
}

// wireBreaker does the same for what is known of a circuit breaker.
func wireBreaker(b *engine.BreakerStatus) *api.Breaker {
	if b == nil {
		return nil
	}
	out := &api.Breaker{
		State: b.State, Mode: b.Mode, Since: b.Since, Until: b.Until, Reason: b.Reason, Opened: b.Opened, Rejected: b.Rejected,
		Target: b.Target, Shared: b.Shared, InFlight: b.InFlight, Observed: b.Observed, Calls: b.Calls, FailureRate: b.FailureRate,
		LatencyP95: api.Seconds(b.LatencyP95.Seconds()), Full: b.Full, Waiting: b.Waiting, Retries: b.Retries, Exhausted: b.Exhausted,
	}
	for kind, n := range b.Fallbacks {
		if n > 0 {
			if out.Fallbacks == nil {
				out.Fallbacks = map[string]uint64{}
			}
			out.Fallbacks[kind] = n
		}
	}
	for _, f := range b.Failures {
		out.Failures = append(out.Failures, api.CallFailure{At: f.At, Error: f.Text, Latency: api.Seconds(f.Latency.Seconds())})
	}
	return out
}

func calls(s metric.Summary) api.Calls {
	if s.Count == 0 {
		return api.Calls{Success: 1}
	}
	return api.Calls{
		Count: s.Count, Average: api.Seconds(s.Average.Seconds()), P95: api.Seconds(s.P95.Seconds()), Success: s.Success,
	}
}
