package metric

import (
	"strings"
	"time"
)

// Gateway is what is known of the gateway of one database.
type Gateway struct {
	ID                        string // database.main
	Connections, Max, Waiting int
	Sessions, Cancels, Lost   uint64
	Refused, Errors           map[string]uint64 // by SQLSTATE, and by its class
	// Queries are the times of answers, Waits those that clients waited for
	// a connection, if they had to.
	Queries, Waits *Histogram
	Statements     []Statement
}

// Statement is what was counted of the statements of one fingerprint.
type Statement struct {
	Text          string // without constants
	Calls, Errors uint64
	Total         time.Duration
}

// gateways writes what is told of each gateway, in the order of the list.
func gateways(p *page, list []Gateway) {
	if len(list) == 0 {
		return
	}
	each := func(name, kind, help string, write func(g *Gateway, sample func(v float64, labels ...string))) {
		begun := false
		for i := range list {
			write(&list[i], func(v float64, labels ...string) {
				if !begun {
					begun = true
					p.family("syndicate_gateway_"+name, kind, help)
				}
				p.sample(v, append([]string{"database", list[i].ID}, labels...)...)
			})
		}
	}
	plain := func(name, kind, help string, value func(g *Gateway) float64) {
		each(name, kind, help, func(g *Gateway, sample func(float64, ...string)) { sample(value(g)) })
	}
	by := func(name, help, label string, counts func(g *Gateway) map[string]uint64) {
		each(name, counter, help, func(g *Gateway, sample func(float64, ...string)) {
			of := counts(g)
			for _, key := range sorted(of, strings.Compare) {
				sample(float64(of[key]), label, key)
			}
		})
	}
	statements := func(name, help string, value func(s *Statement) float64) {
		each(name, counter, help, func(g *Gateway, sample func(float64, ...string)) {
			for i := range g.Statements {
				sample(value(&g.Statements[i]), "statement", g.Statements[i].Text)
			}
		})
	}
	plain("connections", gauge, "Connections to the server that clients of the gateway have, replication aside.", func(g *Gateway) float64 { return float64(g.Connections) })
	plain("connections_max", gauge, "Connections to the server that they may have.", func(g *Gateway) float64 { return float64(g.Max) })
	plain("waiting", gauge, "Clients that wait for a connection.", func(g *Gateway) float64 { return float64(g.Waiting) })
	plain("sessions_total", counter, "Sessions that have begun.", func(g *Gateway) float64 { return float64(g.Sessions) })
	by("refused_total", "Clients that the gateway refused itself, by SQLSTATE: 53300 where no connection was free, 57P03 where the server could not be reached.",
		"sqlstate", func(g *Gateway) map[string]uint64 { return g.Refused })
	plain("cancels_total", counter, "Cancel requests of clients.", func(g *Gateway) float64 { return float64(g.Cancels) })
	plain("cancels_lost_total", counter, "Cancel requests for a session that there is not, or that did not reach the server.", func(g *Gateway) float64 { return float64(g.Lost) })
	by("errors_total", "Errors of the server, by the class of their SQLSTATE.", "class", func(g *Gateway) map[string]uint64 { return g.Errors })
	durations := func(name, help string, of func(g *Gateway) *Histogram) {
		p.family("syndicate_gateway_"+name, histogram, help)
		for i := range list {
			h := of(&list[i])
			p.durations(h.snapshot(), h.bounds, "database", list[i].ID)
		}
	}
	durations("wait_seconds", "Time that clients waited for a connection, of those who had to, also in vain.", func(g *Gateway) *Histogram { return g.Waits })
	durations("query_duration_seconds", "Time from a query to the end of its answer.", func(g *Gateway) *Histogram { return g.Queries })
	statements("statements_total", "Queries by their statement without constants; rare ones count together.", func(s *Statement) float64 { return float64(s.Calls) })
	statements("statement_errors_total", "Queries that failed, by their statement.", func(s *Statement) float64 { return float64(s.Errors) })
	statements("statement_seconds_total", "Time of queries in sum, by their statement.", func(s *Statement) float64 { return s.Total.Seconds() })
}
