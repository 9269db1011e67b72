package server

import (
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
)

// wire puts a snapshot into the form of the wire.
func wire(st engine.Status, stateDir string, now time.Time) api.Status {
	out := api.Status{
		FormatVersion: api.FormatVersion,
		Name:          st.Name, Config: st.Config, StateDir: stateDir, Life: st.Life,
		PID: st.PID, Since: st.Since, Now: now,
		State: string(st.State), Cause: st.Cause,
		Units: make([]api.Unit, len(st.Units)),
	}
	for i, u := range st.Units {
		out.Units[i] = api.Unit{
			ID: u.ID, Kind: u.Kind, State: string(u.State), Critical: u.Critical,
			Since: u.Since, Started: u.Started,
			ReadyAfter: api.Seconds(u.ReadyAfter.Seconds()),
			PID:        u.PID, Port: u.Port, URL: u.URL,
			Attempt: u.Attempt, Restarts: u.Restarts,
			WaitingFor: u.WaitingFor, Next: u.Next,
			Cause: u.Cause, LastExit: u.LastExit, Held: u.Held,
		}
	}
	return out
}
