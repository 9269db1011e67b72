package metric

import (
	"strings"
	"time"
)

// Database is what is known of one database, from the engine's own use of it.
type Database struct {
	ID string // database.main
	// Max is the bound of the pool, InUse and Idle are its connections now,
	// Waiting is how many wait for one.
	Max, InUse, Idle, Waiting int
	// Acquires are the waits for a connection, Queries the statements.
	Acquires, Queries *Histogram
	// Errors are counted by the class of their SQLSTATE, or as "connection"
	// or "busy".
	Errors map[string]uint64
	// Check is the last health check, nil before the first.
	Check *DatabaseCheck
	// Breaker is nil without one.
	Breaker *DatabaseBreaker
	// Schema is what was found when its schema was looked at last, nil before
	// the first time, and where nothing says what it should be.
	Schema *Schema
}

// Schema counts what is wrong about a database's schema.
type Schema struct {
	At time.Time
	// Breaches are differences from what is declared, Drifted from what the
	// migrations left behind; Unhealthy are other findings.
	Breaches, Drifted, Unhealthy int
}

// DatabaseCheck is one health check.
type DatabaseCheck struct {
	OK                          bool
	Seconds                     float64
	Connections, MaxConnections int // of the server; 0 where it said nothing
}

// DatabaseBreaker is the circuit breaker of a database.
type DatabaseBreaker struct {
	Open     bool
	Rejected uint64
}

// databases writes what is told of each database, in the order of the list.
func databases(p *page, list []Database) {
	each := func(name, kind, help string, value func(d *Database) (float64, bool)) {
		begun := false
		for i := range list {
			if v, ok := value(&list[i]); ok {
				if !begun {
					begun = true
					p.family("syndicate_database_"+name, kind, help)
				}
				p.sample(v, "database", list[i].ID)
			}
		}
	}
	always := func(value func(d *Database) int) func(*Database) (float64, bool) {
		return func(d *Database) (float64, bool) { return float64(value(d)), true }
	}
	each("up", gauge, "1 where the last health check was answered, else 0.", func(d *Database) (float64, bool) {
		return truth(d.Check != nil && d.Check.OK), d.Check != nil
	})
	each("check_duration_seconds", gauge, "Time that the last health check took.", func(d *Database) (float64, bool) {
		if d.Check == nil {
			return 0, false
		}
		return d.Check.Seconds, true
	})
	each("connections", gauge, "Sessions of the whole server at the last health check, whoever has them.", func(d *Database) (float64, bool) {
		if d.Check == nil || d.Check.MaxConnections == 0 {
			return 0, false
		}
		return float64(d.Check.Connections), true
	})
	each("connections_max", gauge, "Sessions that the server takes at most.", func(d *Database) (float64, bool) {
		if d.Check == nil || d.Check.MaxConnections == 0 {
			return 0, false
		}
		return float64(d.Check.MaxConnections), true
	})
	if len(list) > 0 {
		p.family("syndicate_database_pool_connections", gauge, "Connections of the engine's own pool.")
		for i := range list {
			p.sample(float64(list[i].Idle), "database", list[i].ID, "state", "idle")
			p.sample(float64(list[i].InUse), "database", list[i].ID, "state", "in_use")
		}
	}
	each("pool_connections_max", gauge, "Connections that the engine's own pool may have.", always(func(d *Database) int { return d.Max }))
	each("pool_waiting", gauge, "Uses of the engine's own pool that wait for a connection.", always(func(d *Database) int { return d.Waiting }))
	latencies(p, "syndicate_database_pool_wait_seconds", "Time that uses of the engine's own pool waited for a connection, also in vain.", list,
		func(d *Database) *Histogram { return d.Acquires })
	latencies(p, "syndicate_database_query_duration_seconds",
		"Time of statements over the engine's own pool and through the gateway, without health checks; of those through a pooler syndicate_pooler_query_seconds_total has the sum.", list,
		func(d *Database) *Histogram { return d.Queries })
	if anyError(list) {
		p.family("syndicate_database_errors_total", counter,
			"Errors over the engine's own pool and through the gateway, by the class of their SQLSTATE, or connection, or busy where no connection was free.")
		for i := range list {
			for _, class := range sorted(list[i].Errors, strings.Compare) {
				p.sample(float64(list[i].Errors[class]), "database", list[i].ID, "class", class)
			}
		}
	}
	schemas(p, list)
	each("breaker_open", gauge, "1 while the database's breaker lets nothing through, else 0.", func(d *Database) (float64, bool) {
		return truth(d.Breaker != nil && d.Breaker.Open), d.Breaker != nil
	})
	each("breaker_rejected_total", counter, "Uses that the database's breaker refused.", func(d *Database) (float64, bool) {
		if d.Breaker == nil {
			return 0, false
		}
		return float64(d.Breaker.Rejected), true
	})
}

// schemas writes what is wrong about each database's schema.
func schemas(p *page, list []Database) {
	begun := false
	for i := range list {
		s := list[i].Schema
		if s == nil {
			continue
		}
		if !begun {
			begun = true
			p.family("syndicate_database_schema_findings", gauge,
				"What is wrong about the schema: against its declaration, against what the migrations left behind, and in itself.")
		}
		p.sample(float64(s.Breaches), "database", list[i].ID, "against", "declaration")
		p.sample(float64(s.Drifted), "database", list[i].ID, "against", "migrations")
		p.sample(float64(s.Unhealthy), "database", list[i].ID, "against", "health")
	}
}

// latencies writes one histogram of each database.
func latencies(p *page, name, help string, list []Database, of func(*Database) *Histogram) {
	begun := false
	for i := range list {
		h := of(&list[i])
		if h == nil {
			continue
		}
		if !begun {
			begun = true
			p.family(name, histogram, help)
		}
		p.durations(h.snapshot(), h.bounds, "database", list[i].ID)
	}
}

func anyError(list []Database) bool {
	for i := range list {
		if len(list[i].Errors) > 0 {
			return true
		}
	}
	return false
}
