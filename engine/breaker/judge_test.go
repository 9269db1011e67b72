package breaker

import "testing"

// What was counted as failures says nothing once others are.
func TestAnotherJudgeForgets(t *testing.T) {
	cfg := Config{Rule: Rule{Failures: 2, Of: 10}, Judge: "5xx"}
	fails := func(g *Guard) State {
		p, err := g.Permit()
		if err != nil {
			t.Fatal(err)
		}
		p.Failure(Evidence{Status: "500"})
		return g.Snapshot().State
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	fails(g)
	record := g.Record()
	other := cfg
	other.Judge = "4xx"
	for _, test := range []struct {
		cfg  Config
		want State
	}{{cfg, Open}, {other, Closed}} {
		restored, err := New(test.cfg)
		if err != nil {
			t.Fatal(err)
		}
		restored.Restore(record)
		if s := fails(restored); s != test.want {
			t.Errorf("restored as %q and failed again, it is %v", test.cfg.Judge, s)
		}
	}
	if err := g.Configure(other); err != nil {
		t.Fatal(err)
	}
	if s := fails(g); s != Closed {
		t.Errorf("changed and failed again, it is %v", s)
	}
	if err := g.Configure(other); err != nil {
		t.Fatal(err)
	}
	if s := fails(g); s != Open {
		t.Errorf("not changed and failed again, it is %v", s)
	}
}
