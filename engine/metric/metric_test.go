package metric

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func example(r *Recorder) Config {
	return Config{
		System: "demo", Version: "v1", Recorder: r,
		SystemStates: []string{"starting", "ready"}, UnitStates: []string{"pending", "ready", "failed"},
		Source: func() Snapshot {
			return Snapshot{State: "ready", Since: time.Unix(1700000000, 5e8), Units: []Unit{
				{ID: `service.worker["a"]`, Kind: "service", State: "ready", Restarts: 3, ReadyAfter: 1500 * time.Millisecond, Memory: 1 << 19,
					Usage: &Usage{Processes: 2, CPU: 2500 * time.Millisecond, Resident: 1 << 20}},
				{ID: "task.seed", Kind: "task", State: "completed"},
				{ID: "service.web", Kind: "service", State: "pending"},
			}, Breakers: []Breaker{{
				ID: "breaker.up", State: "half_open", Mode: "auto", Calls: map[string]uint64{"success": 2, "failure": 1},
				Fallbacks: map[string]uint64{"file": 3}, Bounds: []time.Duration{time.Millisecond, time.Second}, Latency: []uint64{1, 1, 1}, LatencySum: 3 * time.Second,
			}}, Databases: []Database{{
				ID: "database.main", Max: 10, InUse: 1, Idle: 2, Waiting: 3, Acquires: waited(), Queries: waited(),
				Errors:  map[string]uint64{"57": 2, "connection": 1},
				Check:   &DatabaseCheck{OK: true, Seconds: 0.25, Connections: 9, MaxConnections: 100},
				Breaker: &DatabaseBreaker{Open: true, Rejected: 7},
			}, {ID: "database.new", Max: 4}}, Gateways: []Gateway{{
				ID: "database.main", Connections: 4, Max: 50, Waiting: 2, Sessions: 9, Cancels: 3, Lost: 1,
				Refused: map[string]uint64{"53300": 5}, Errors: map[string]uint64{"42": 6}, Queries: waited(), Waits: waited(),
				Statements: []Statement{{Text: "select \"A\" where b = ?", Calls: 7, Errors: 2, Total: time.Second}},
			}}}
		},
	}
}

// waited is a histogram of one wait.
func waited() *Histogram {
	h := NewHistogram(LatencyBounds)
	h.Observe(3 * time.Millisecond)
	return h
}

func write(t *testing.T, e *Exporter) string {
	t.Helper()
	var text bytes.Buffer
	if err := e.Write(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestText(t *testing.T) {
	r := &Recorder{}
	e, err := New(example(r))
	if err != nil {
		t.Fatal(err)
	}
	r.Started("service", 60*time.Millisecond)
	r.Started("service", time.Hour)
	r.Probed("http", time.Millisecond, true)
	r.Probed("http", 300*time.Millisecond, false)
	text := write(t, e)
	for _, want := range []string{
		`syndicate_build_info{version="v1",go_version="go`,
		`syndicate_system_state{system="demo",state="ready"} 1`,
		`syndicate_system_state{system="demo",state="starting"} 0`,
		`syndicate_system_start_time_seconds{system="demo"} 1.7000000005e+09`,
		`syndicate_units{system="demo",state="pending"} 1`,
		`syndicate_units{system="demo",state="failed"} 0`,
		`syndicate_units{system="demo",state="completed"} 1`,
		`syndicate_unit_ready{system="demo",unit="service.worker[\"a\"]",kind="service"} 1`,
		`syndicate_unit_ready{system="demo",unit="task.seed",kind="task"} 1`,
		`syndicate_unit_ready{system="demo",unit="service.web",kind="service"} 0`,
		`syndicate_unit_restarts_total{system="demo",unit="service.worker[\"a\"]",kind="service"} 3`,
		`syndicate_unit_start_duration_seconds{system="demo",unit="service.worker[\"a\"]",kind="service"} 1.5`,
		`syndicate_unit_cpu_seconds_total{system="demo",unit="service.worker[\"a\"]",kind="service"} 2.5`,
		`syndicate_unit_memory_bytes{system="demo",unit="service.worker[\"a\"]",kind="service"} 524288`,
		`syndicate_unit_resident_memory_bytes{system="demo",unit="service.worker[\"a\"]",kind="service"} 1.048576e+06`,
		`syndicate_unit_processes{system="demo",unit="service.worker[\"a\"]",kind="service"} 2`,
		`syndicate_start_duration_seconds_bucket{system="demo",kind="service",le="0.05"} 0`,
		`syndicate_start_duration_seconds_bucket{system="demo",kind="service",le="0.1"} 1`,
		`syndicate_start_duration_seconds_bucket{system="demo",kind="service",le="300"} 1`,
		`syndicate_start_duration_seconds_bucket{system="demo",kind="service",le="+Inf"} 2`,
		`syndicate_probe_duration_seconds_bucket{system="demo",probe="http",result="success",le="0.001"} 1`,
		`syndicate_probe_duration_seconds_count{system="demo",probe="http",result="failure"} 1`,
		`syndicate_database_up{system="demo",database="database.main"} 1`,
		`syndicate_database_check_duration_seconds{system="demo",database="database.main"} 0.25`,
		`syndicate_database_connections{system="demo",database="database.main"} 9`,
		`syndicate_database_connections_max{system="demo",database="database.main"} 100`,
		`syndicate_database_pool_connections{system="demo",database="database.main",state="idle"} 2`,
		`syndicate_database_pool_connections{system="demo",database="database.main",state="in_use"} 1`,
		`syndicate_database_pool_connections_max{system="demo",database="database.new"} 4`,
		`syndicate_database_pool_waiting{system="demo",database="database.main"} 3`,
		`syndicate_database_pool_wait_seconds_bucket{system="demo",database="database.main",le="0.0025"} 0`,
		`syndicate_database_query_duration_seconds_bucket{system="demo",database="database.main",le="0.005"} 1`,
		`syndicate_database_errors_total{system="demo",database="database.main",class="57"} 2`,
		`syndicate_database_breaker_open{system="demo",database="database.main"} 1`,
		`syndicate_database_breaker_rejected_total{system="demo",database="database.main"} 7`,
		`syndicate_gateway_connections{system="demo",database="database.main"} 4`,
		`syndicate_gateway_refused_total{system="demo",database="database.main",sqlstate="53300"} 5`,
		`syndicate_gateway_errors_total{system="demo",database="database.main",class="42"} 6`,
		`syndicate_gateway_query_duration_seconds_bucket{system="demo",database="database.main",le="0.005"} 1`,
		`syndicate_gateway_statements_total{system="demo",database="database.main",statement="select \"A\" where b = ?"} 7`,
		`syndicate_gateway_statement_seconds_total{system="demo",database="database.main",statement="select \"A\" where b = ?"} 1`,
		`syndicate_breaker_state{system="demo",breaker="breaker.up",state="half_open"} 1`,
		`syndicate_breaker_state{system="demo",breaker="breaker.up",state="open"} 0`,
		`syndicate_breaker_calls_total{system="demo",breaker="breaker.up",outcome="failure"} 1`,
		`syndicate_breaker_fallbacks_total{system="demo",breaker="breaker.up",source="file"} 3`,
		`syndicate_breaker_first_byte_seconds_bucket{system="demo",breaker="breaker.up",le="1"} 2`,
		`syndicate_breaker_first_byte_seconds_count{system="demo",breaker="breaker.up"} 3`,
		"\ngo_goroutines ",
		"\nprocess_resident_memory_bytes ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, absent := range []string{`syndicate_unit_processes{system="demo",unit="task.seed",kind="task"}`} {
		if strings.Contains(text, absent) {
			t.Errorf("%s is told of something that does not run", absent)
		}
	}
	checkFormat(t, text)
}

// checkFormat has Prometheus' own code read a text, and look for what is
// against its conventions.
func checkFormat(t *testing.T, text string) {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(strings.NewReader(text)); err != nil {
		t.Errorf("Prometheus cannot read it: %v", err)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("conventions: %v, %v", problems, err)
	}
}

// Whatever stands in a label comes out of Prometheus' parser as it was.
func FuzzLabels(f *testing.F) {
	f.Add("service.worker[\"a\"]", 1.5)
	f.Add("a\nb\\n\"", math.Inf(1))
	f.Fuzz(func(t *testing.T, label string, v float64) {
		if !utf8.ValidString(label) {
			return // addresses are valid
		}
		p := &page{common: []string{"system", "x"}}
		p.one("a_metric", gauge, label, v, "unit", label)
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(&p.buf)
		if err != nil {
			t.Fatal(err)
		}
		m := families["a_metric"].Metric[0]
		for _, l := range m.Label {
			if l.GetName() == "unit" && l.GetValue() != label {
				t.Errorf("%q became %q", label, l.GetValue())
			}
		}
		if got := m.GetGauge().GetValue(); got != v && !math.IsNaN(v) {
			t.Errorf("%g became %g", v, got)
		}
	})
}

func TestKindsAreBounded(t *testing.T) {
	r := &Recorder{}
	for n := range 1000 {
		r.Started(fmt.Sprint("kind", n), time.Second)
		r.Probed(fmt.Sprint("kind", n), time.Second, true)
	}
	if len(r.starts) != maxKinds || len(r.probes) != maxKinds {
		t.Errorf("%d and %d kinds", len(r.starts), len(r.probes))
	}
	var nobody *Recorder
	nobody.Started("service", 0)
	nobody.Probed("http", 0, true)
}

func TestManyScrapeAtOnce(t *testing.T) {
	r := &Recorder{}
	e, err := New(example(r))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r.Probed("tcp", time.Second, true)
			if err := e.Write(&bytes.Buffer{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// closed is a reader that has gone.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestErrors(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("without a source there is an exporter")
	}
	e, err := New(example(&Recorder{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Write(closed{}); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v", err)
	}
}
