package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// Of several servers a session gets to the one that the URL asks for, as with
// libpq, and to none that is it no longer.
func TestTargetSessionAttrs(t *testing.T) {
	primary := pgtest.Shared()
	standby, err := primary.Standby()
	if err != nil {
		t.Fatal(err)
	}
	defer standby.Stop()
	hosts := func(attrs string, hosts ...string) string {
		return "postgres://postgres@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable&target_session_attrs=" + attrs
	}
	at := func(s *pgtest.Server) string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }
	port := func(x *gate) (port int, err error) {
		conn, err := pgx.Connect(within(t), "postgres://postgres@"+x.addr.String()+"/postgres?sslmode=disable")
		if err != nil {
			return 0, err
		}
		defer conn.Close(within(t))
		err = conn.QueryRow(within(t), "select inet_server_port()").Scan(&port)
		return port, err
	}
	none := nobody(t)
	var waiting *gate // for a standby
	for _, test := range []struct {
		attrs string
		hosts []string
		want  *pgtest.Server
		why   string
	}{
		{"any", []string{none, at(standby), at(primary)}, standby, ""},
		{"read-write", []string{none, at(standby), at(primary)}, primary, ""},
		{"primary", []string{at(standby), at(primary)}, primary, ""},
		{"read-only", []string{at(primary), at(standby)}, standby, ""},
		{"standby", []string{at(primary), at(standby)}, standby, ""},
		{"prefer-standby", []string{at(primary), at(standby)}, standby, ""},
		{"prefer-standby", []string{none, at(primary)}, primary, ""},
		{"read-write", []string{at(standby), none}, nil, "read only connection; connection refused"},
		{"standby", []string{at(primary)}, nil, "server is not in hot standby mode"},
	} {
		w := &witness{}
		x := open(t, hosts(test.attrs, test.hosts...), func(c *Config) { c.Guard = w })
		got, err := port(x)
		switch {
		case test.want != nil && (err != nil || got != test.want.Port):
			t.Errorf("%s of %s: %d, %v, want %d", test.attrs, test.hosts, got, err, test.want.Port)
		case test.want == nil && (state(err) != cannotConnectNow || !strings.Contains(err.Error(), test.why)):
			t.Errorf("%s of %s: %v", test.attrs, test.hosts, err)
		case test.want == nil:
			eventually(t, "it counts for the breaker", func() bool { return w.outcomes() == [3]int{0, 1, 0} })
		}
		if test.attrs == "standby" && test.want == standby {
			waiting = x
		}
	}

	pgtest.Exec(t, standby.Endpoint("postgres"), "select pg_promote()")
	// However long all that took, the choice holds.
	c := waiting.server.chooser
	c.mu.Lock()
	c.last.at = time.Now()
	c.mu.Unlock()
	if _, err := port(waiting); state(err) != cannotConnectNow || !strings.Contains(err.Error(), "target_session_attrs asks for any more") {
		t.Errorf("after the promotion: %v", err)
	}
	if _, err := port(waiting); state(err) != cannotConnectNow || !strings.Contains(err.Error(), "none of the servers") {
		t.Errorf("when it has asked again: %v", err)
	}
}
