// Package store keeps what has to outlive an engine: the journal of events,
// and small facts by key, in the file state.db of the state directory.
//
// The store never holds the engine up. Append and Put give their work to a
// queue in memory; one goroutine writes it, everything of at most 50 ms in one
// transaction that does not wait for the disk, so that a killed process loses no
// more than the last 100 ms and a fact is never in the file without the events
// before it. Syncing, which protects from the end of the machine, is done beside
// that: such an end may cost what was written last, and never the file. Facts are small and
// stay in memory: reading one never touches the file.
//
// The store never keeps the engine from running. Where the file cannot be
// written, on a full disk or while somebody else has it locked, events wait
// in memory up to a bound; the oldest are dropped then, and the journal says
// how many. A file that is broken, or none of ours, is set aside under a name
// with the date, and a new one is begun with all facts:
//
//	          ┌──── idle ────┐
//	          ▼              │
//	closed ──work──► open ──work──► written
//	   ▲              │ broken        │ cannot be written
//	   │              ▼               ▼
//	   └─────────  set aside        waiting (250 ms … 10 s)
//
// The journal is bounded: the oldest events go first. The file is closed when
// nothing has happened for a while, since an open one costs memory.
//
// A [Reader] reads the file of an engine that runs or has died. It changes
// nothing.
package store
