package metric

import "time"

// Pooler is what the pooler of one database tells.
type Pooler struct {
	ID                            string // database.main
	ClientsActive, ClientsWaiting int
	ServersActive, ServersIdle    int
	Max                           int // connections to the server at most
	LongestWait                   time.Duration
	Queries, Transactions         uint64
	QueryTime, WaitTime           time.Duration // in sum
}

// poolers writes what is told of each pooler, in the order of the list.
func poolers(p *page, list []Pooler) {
	if len(list) == 0 {
		return
	}
	each := func(name, kind, help string, value func(x *Pooler) float64) {
		p.family("syndicate_pooler_"+name, kind, help)
		for i := range list {
			p.sample(value(&list[i]), "database", list[i].ID)
		}
	}
	p.family("syndicate_pooler_clients", gauge, "Clients of the pooler that have a connection to the server, and that wait for one.")
	for _, x := range list {
		p.sample(float64(x.ClientsActive), "database", x.ID, "state", "active")
		p.sample(float64(x.ClientsWaiting), "database", x.ID, "state", "waiting")
	}
	p.family("syndicate_pooler_connections", gauge, "Connections of the pooler to the server.")
	for _, x := range list {
		p.sample(float64(x.ServersActive), "database", x.ID, "state", "active")
		p.sample(float64(x.ServersIdle), "database", x.ID, "state", "idle")
	}
	each("connections_max", gauge, "Connections that the pooler may have to the server.", func(x *Pooler) float64 { return float64(x.Max) })
	each("longest_wait_seconds", gauge, "How long the client waits that waits longest now.", func(x *Pooler) float64 { return x.LongestWait.Seconds() })
	each("queries_total", counter, "Queries that passed the pooler.", func(x *Pooler) float64 { return float64(x.Queries) })
	each("transactions_total", counter, "Transactions that passed the pooler.", func(x *Pooler) float64 { return float64(x.Transactions) })
	each("query_seconds_total", counter, "Time that the server took for queries, in sum.", func(x *Pooler) float64 { return x.QueryTime.Seconds() })
	each("wait_seconds_total", counter, "Time that clients waited for a connection, in sum.", func(x *Pooler) float64 { return x.WaitTime.Seconds() })
}
