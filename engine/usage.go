package engine

import "github.com/syndicate/syndicate/engine/process"

// Usage measures what the process trees of the units take, now; ok is false
// where this system does not tell.
func (e *Engine) Usage() (list []process.Usage, ok bool) { return e.site.host.Usage() }
