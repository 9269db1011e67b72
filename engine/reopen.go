package engine

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/syndicate/syndicate/engine/event"
)

// Reopen makes anew what lay in the state directory, which was removed and is
// there again: logs begin anew.
func (e *Engine) Reopen() error {
	e.mu.Lock()
	logs := slices.Collect(maps.Values(e.logs))
	e.mu.Unlock()
	err := e.site.host.Reopen()
	for _, l := range logs {
		err = errors.Join(err, l.Reopen())
	}
	return err
}

// Note tells whoever observes of something that befell the engine itself.
func (e *Engine) Note(cause string) {
	e.report(event.Event{Time: time.Now(), Kind: event.Engine, Cause: cause})
}
