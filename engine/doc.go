// Package engine is the bootstrap: it builds a unit for every living block
// of a plan, starts what can start, supervises what runs and stops it all in
// reverse.
//
// One goroutine, the loop, owns the state of every unit. It feeds events to
// a pure machine (machine.go), which answers with effects: start this run,
// stop that one, set a timer. So what a unit waits for, why it failed and
// whether it may start is decided in one place, on one consistent view: no
// unit starts on a condition that another goroutine is just taking back.
// Runs, which do the work and may block, have a goroutine each and report
// back as events.
//
//	          needs hold              first readiness
//	pending ─────────────► starting ─────────────────► ready ◄──► unhealthy
//	   ▲                      │ ended                    │ ended
//	   │ delay over           ▼                          ▼
//	   └──────────────────── backoff ◄───────────────────┘
//	                          │ attempts used up
//	                          ▼
//	                        failed            any state ──► stopping ──► stopped
//
// A task ends as completed instead of ready. A unit that cannot start since
// something it needs failed or is stopped is blocked, until that changes.
//
// What runs is changed by operations, one at a time: Apply and Do wait for
// their turn; the end of all comes before them. All that an operation does to
// a unit goes through stopping, dependents first:
//
//	replaced   ready ──► stopping ──► pending ──► starting   once all that the new definition needs is there
//	restarted  ready ──► stopping ──► pending ──► starting   at once
//	follows    ready ──► stopping ──► pending ──► starting   once what it restarts with is back, and all else is there
//	held       ready ──► stopping ──► stopped ──► pending    when it is told to start
//	removed    ready ──► stopping ──► gone                   after its last dependent
//
// What differs in policy alone is changed in place and keeps its state. A
// change whose critical part fails is taken back by applying, in the same way,
// what was in force before.
package engine
