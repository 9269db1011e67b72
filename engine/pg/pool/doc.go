// Package pool is the engine's own way to a database: for health checks, for
// looking at the schema, for queues. Migrations have a connection of their
// own, since their locks live as long as it does.
//
//	caller ─► breaker ─► a free connection ─► statement ─► breaker, metrics
//	            │ open      │ none in time        │ lost: again only where
//	            ▼           ▼                     ▼ nothing was sent
//	         OpenError   BusyError            pg.Error
//
// A [Pool] lives as long as its database is declared, and is open while that
// is reachable. What it has counted, the history of health checks and the
// breaker outlive each opening. Its bounds are exchanged under whoever uses
// it.
//
// Trying again is for what the connection fails of: refused, reset, starting,
// stopping, full. It never repeats a statement that may have run. The breaker
// counts the same failures, and never an error of SQL.
package pool
