package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/spec"
)

// wide is a system of n services: each depends on the one before it and on
// the one at half its number.
func wide(n int) *spec.System {
	sys := &spec.System{Name: "wide", Dir: "/sys"}
	for i := range n {
		name := fmt.Sprintf("s%05d", i)
		s := service(name)
		s.Dir = "/sys"
		s.Ready = &spec.Probe{Kind: spec.ProbeHTTP, Target: spec.Known("http://127.0.0.1:1/healthz"), Deadline: 60e9}
		s.Port = &spec.Port{Number: 1000 + i}
		s.Env = []spec.EnvVar{
			{Name: "A", Value: spec.Known(spec.Plain("x"))},
			{Name: "DATABASE_URL", Value: spec.Later("database.main.url", at(i), []spec.Ref{{Addr: addr("database.main"), Attribute: "url"}}, func(spec.Lookup) (spec.Text, error) { return spec.Text{}, nil })},
		}
		sys.Services = append(sys.Services, s)
		if i > 0 {
			sys.Edges = append(sys.Edges, edge(i, "service."+name, fmt.Sprintf("service.s%05d", i-1), "ready", "depends_on"))
		}
		if half := (i - 1) / 2; i > 2 {
			sys.Edges = append(sys.Edges, edge(i, "service."+name, fmt.Sprintf("service.s%05d", half), "ready", "depends_on"))
		}
	}
	return sys
}

func BenchmarkBuild(b *testing.B) {
	sys := wide(10_000)
	facts := Facts{Key: testKey, NotesOnly: true}
	b.ReportAllocs()
	for b.Loop() {
		if p, diags := Build(sys, facts); len(diags) > 0 || len(p.Steps) != 10_000 {
			b.Fatal(diags)
		}
	}
}

func BenchmarkBuildWithValues(b *testing.B) {
	sys := wide(10_000)
	facts := Facts{Key: testKey}
	b.ReportAllocs()
	for b.Loop() {
		if p, diags := Build(sys, facts); len(diags) > 0 || len(p.Steps[0].Values) == 0 {
			b.Fatal(diags)
		}
	}
}

func BenchmarkCycles(b *testing.B) {
	sys := wide(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if diags := Cycles(sys); len(diags) > 0 {
			b.Fatal(diags)
		}
	}
}

func encode(t testing.TB, p *Plan) []byte {
	t.Helper()
	out, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPlanOfShuffledInputIsTheSameToTheByte(t *testing.T) {
	sys := shop()
	for i := range 30 {
		sys.Services = append(sys.Services, service(fmt.Sprintf("extra%d", i)))
		sys.Edges = append(sys.Edges, edge(100+i, fmt.Sprintf("service.extra%d", i), "service.api", "ready", "env.A"))
		sys.Thresholds = append(sys.Thresholds, &spec.Threshold{Block: spec.Block{Addr: addr(fmt.Sprintf("threshold.t%d", i))}})
		sys.Unbuilt = append(sys.Unbuilt, spec.Feature{Addr: addr(fmt.Sprintf("threshold.t%d", i)), Name: "threshold"})
	}
	sys.Services[0].Ports = map[string]spec.Port{"a": {Number: 1}, "b": {Number: 2}, "c": {Number: 3}}
	running := &Running{}
	for i := range 20 {
		running.Units = append(running.Units, RunningUnit{ID: fmt.Sprintf("service.old%d", i)})
	}
	facts := Facts{Key: testKey, Running: running}
	want := encode(t, mustBuild(t, sys, facts))
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		shuffle(r, sys.Services)
		shuffle(r, sys.Edges)
		shuffle(r, sys.Thresholds)
		shuffle(r, sys.Unbuilt)
		shuffle(r, running.Units)
		if got := encode(t, mustBuild(t, sys, facts)); !bytes.Equal(got, want) {
			t.Fatalf("another plan:\n%s\nwant:\n%s", got, want)
		}
	}
}

func shuffle[T any](r *rand.Rand, s []T) {
	r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

func TestPlanShowsNoSecret(t *testing.T) {
	const secret = "hunter2-secret"
	hidden := spec.Known(spec.Sensitive(secret))
	sys := shop()
	sys.Services[0].Env = []spec.EnvVar{
		{Name: "A", Value: hidden},
		{Name: "B", Value: spec.Later(`sensitive("`+secret+`")`, at(1), nil, func(spec.Lookup) (spec.Text, error) { return spec.Text{}, nil })},
	}
	sys.Services[0].EnvFiles = []spec.EnvFile{{Path: "/sys/.env", Vars: []spec.EnvVar{{Name: "C", Value: hidden}}}}
	sys.Services[0].InheritEnv = []string{"NODE_*"}
	sys.Services[0].Inherited = []string{"NODE_TOKEN=" + secret}
	sys.Breakers = []*spec.Breaker{{Block: spec.Block{Addr: addr("breaker.b")}, Target: hidden}}
	sys.Databases[0].Managed = nil
	sys.Databases[0].Source = "url"
	sys.Databases[0].URL = hidden
	p := mustBuild(t, sys, Facts{Key: testKey})
	for _, out := range []string{string(encode(t, p)), fmt.Sprintf("%+v %#v", *p, *p)} {
		if strings.Contains(out, secret) {
			t.Errorf("the secret is shown:\n%s", out)
		}
	}
}

// Whatever the dependencies are, each step comes after all it needs, or the
// circle that keeps it from doing so is reported.
func TestBuildProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sys := &spec.System{}
		n := rapid.IntRange(1, 12).Draw(t, "services")
		var blocks []string
		for i := range n {
			s := service(fmt.Sprintf("s%d", i))
			sys.Services = append(sys.Services, s)
			blocks = append(blocks, s.Addr.String())
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "databases") {
			db := managed(fmt.Sprintf("d%d", i))
			sys.Databases = append(sys.Databases, db)
			blocks = append(blocks, db.Addr.String())
		}
		for range rapid.IntRange(0, 2*n).Draw(t, "edges") {
			from := rapid.SampledFrom(blocks).Draw(t, "from")
			to := rapid.SampledFrom(blocks).Draw(t, "to")
			conditions := []string{"ready", "started"}
			if strings.HasPrefix(to, "database") {
				conditions = []string{"ready", "migrated"}
			}
			sys.Edges = append(sys.Edges, edge(1, from, to, rapid.SampledFrom(conditions).Draw(t, "condition"), "depends_on"))
		}
		p, diags := Build(sys, Facts{})
		if (p == nil) == (len(diags) == 0) {
			t.Fatalf("plan %v beside %v", p, diags)
		}
		if p == nil {
			return
		}
		done := map[string]bool{}
		for _, s := range p.Steps {
			for _, need := range s.Needs {
				if !done[need.Step] {
					t.Fatalf("%s comes before %s, which it needs:\n%s", s.ID, need.Step, text(p))
				}
			}
			done[s.ID] = true
		}
		if len(done) != n+2*len(sys.Databases) {
			t.Fatalf("%d steps for %d services and %d databases", len(done), n, len(sys.Databases))
		}
	})
}
