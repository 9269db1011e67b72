package decode

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// withBreaker is a configuration of one that a service uses.
func withBreaker(body string) files {
	return files{"c.hcl": "breaker \"b\" {\n" + body + "\n}\nservice \"a\" {\n command = [\"x\", breaker.b.url]\n}"}
}

func second(n float64) spec.Duration { return spec.Duration(n * float64(time.Second)) }

func TestBreakerRules(t *testing.T) {
	s := good(t, withBreaker(`
		target          = "https://up:8443/base"
		failures        = 3
		of              = 10
		slow_call       = "5s"
		call_timeout    = "2m"
		failure_status  = ["5xx", "429", "400-404"]
		failure_grpc    = ["ABORTED"]
		connect_timeout = "1s"
		preserve_host   = true
		max_calls       = 4
		max_waiting     = 8
		queue_timeout   = "3s"
		tls {
			ca          = "ca.pem"
			cert        = "/client.pem"
			key         = "client.key"
			server_name = "up.internal"
		}
		retry {
			attempts = 3
			methods  = ["GET", "POST"]
			status   = ["503"]
			grpc     = ["UNAVAILABLE", "ABORTED"]
			budget   = "10%"
			max_body = "1kB"
		}
		fallback {
			status = 503
		}
		route "GET /items/{id}" {
			timeout        = "6s"
			neutral_status = ["404"]
			retry { attempts = 1 }
			fallback { last_good = "1h" }
		}
		route "/healthz" {
			exclude = true
		}`))
	b := s.Breakers[0]
	if b.Failures != 3 || b.Of != 10 || b.ConnectTimeout != second(1) || !b.PreserveHost || b.MaxCalls != 4 || b.MaxWaiting != 8 || b.QueueTimeout != second(3) {
		t.Errorf("the breaker is %+v", b)
	}
	if want := (&spec.ClientTLS{CA: "/c/ca.pem", Cert: "/client.pem", Key: "/c/client.key", ServerName: "up.internal"}); !reflect.DeepEqual(b.TLS, want) {
		t.Errorf("its TLS is %+v", b.TLS)
	}
	r := b.CallRules
	if r.SlowCall != second(5) || r.Timeout != second(60) || r.IdleTimeout != 0 || r.CallTimeout != second(120) ||
		spec.StatusText(r.FailureStatus) != "500-599, 429, 400-404" || len(r.NeutralStatus) != 0 || len(r.FailureGRPC) != 1 || len(r.Fallbacks) != 1 {
		t.Errorf("its rules are %+v", r)
	}
	retry := r.Retry
	if retry == nil || retry.Attempts != 3 || retry.Delay != second(0.025) || retry.MaxDelay != second(1) || retry.Jitter != 0.5 ||
		strings.Join(retry.Methods, " ") != "GET POST" || spec.StatusText(retry.Status) != "503" || retry.Budget != 0.1 || retry.MinPerSecond != 3 || retry.MaxBody != 1000 {
		t.Errorf("its retry is %+v", retry)
	}
	if len(b.Routes) != 2 {
		t.Fatalf("its routes are %+v", b.Routes)
	}
	one, two := b.Routes[0], b.Routes[1]
	if one.Pattern != "GET /items/{id}" || one.Exclude || one.Timeout != second(6) || one.SlowCall != second(5) || one.Retry.Attempts != 1 ||
		spec.StatusText(one.NeutralStatus) != "404" || len(one.Fallbacks) != 1 || one.Fallbacks[0].LastGood != second(3600) {
		t.Errorf("the first route is %+v", one)
	}
	if two.Pattern != "/healthz" || !two.Exclude || !reflect.DeepEqual(two.CallRules, r) {
		t.Errorf("the second route is %+v", two)
	}
}

// What a breaker says nothing of is as the reference has it.
func TestBreakerDefaults(t *testing.T) {
	b := good(t, withBreaker("target = \"http://up\"\nretry {}")).Breakers[0]
	retry := b.Retry
	if b.ConnectTimeout != second(2) || b.Timeout != second(60) || spec.StatusText(b.FailureStatus) != "500, 502-504, 506-599" ||
		spec.StatusText(b.NeutralStatus) != "429" || len(b.FailureGRPC) != 5 || retry.Attempts != 2 ||
		strings.Join(retry.Methods, " ") != "GET HEAD OPTIONS TRACE PUT DELETE" || spec.StatusText(retry.Status) != "502-504" || retry.MaxBody != 64<<10 {
		t.Errorf("the defaults are %+v, %+v", b.CallRules, retry)
	}
}

func TestBreakerMistakes(t *testing.T) {
	const http = "target = \"http://up\"\n"
	for _, test := range []struct{ body, code, words string }{
		{http + "failures = 5\nof = 3", CodeCombine, "of is 3, which is less than failures, 5"},
		{http + "rate = \"50%\"\nof = 3", CodeCombine, "keep one"},
		{http + "failure_status = [\"6xx\"]", CodeRange, `"5xx"`},
		{http + "failure_status = [\"504-500\"]", CodeRange, `"500-599"`},
		{http + "neutral_status = [\"abc\"]", CodeRange, "neutral_status"},
		{http + "failure_grpc = [\"UNAVAILBLE\"]", CodeEnum, "UNAVAILABLE"},
		{http + "slow_call = \"70s\"", CodeCombine, "a call ends at timeout, 1m"},
		{http + "slow_call = \"10s\"\ncall_timeout = \"5s\"", CodeCombine, "a call ends at call_timeout, 5s"},
		{http + "idle_timeout = \"0s\"", CodeRange, "longer than 0s"},
		{http + "max_waiting = 3", CodeCombine, "max_calls"},
		{http + "tls {}", CodeCombine, "write https"},
		{"target = \"https://up\"\ntls {\n cert = \"x\"\n}", CodeCombine, "cert and key go together"},
		{http + "retry {\n status = [\"200\"]\n}", CodeRange, "a status of 400 to 599"},
		{http + "retry {\n methods = [\"get\"]\n}", CodeEnum, "in capitals"},
		{http + "retry {\n attempts = 0\n}", CodeRange, "at least 1"},
		{http + "retry {\n max_body = \"1GB\"\n}", CodeRange, "max_body must be at most"},
		{http + "retry {\n delay = \"2s\"\n max_delay = \"1s\"\n}", CodeCombine, "max_delay"},
		{http + "route \"GET x\" {}", CodePattern, "GET /items/{id}"},
		{http + "route \"get /x\" {}", CodePattern, "in capitals"},
		{http + "route \"host/x\" {}", CodePattern, "begins with a path"},
		{http + "route \"/x/{\" {}", CodePattern, "bad wildcard"},
		{http + "route \"/x\" {}\nroute \"/x\" {}", CodePattern, "twice"},
		{http + "route \"/{a}/x\" {}\nroute \"/x/{b}\" {}", CodePattern, "more specific"},
		{http + "route \"/x\" {\n slow_call = \"70s\"\n}", CodeCombine, "slow_call is 1m10s"},
		{"target = \"tcp://up:1\"\nretry {}", CodeCombine, "leave retry out"},
		{"target = \"tcp://up:1\"\nroute \"/x\" {}", CodeCombine, "leave route out"},
		{"target = \"tcp://up:1\"\ncall_timeout = \"1h\"", CodeCombine, "leave call_timeout out"},
	} {
		_, ds := load(t, withBreaker(test.body))
		hit := false
		for _, d := range ds {
			hit = hit || d.Code == test.code && found(d, []string{test.words})
		}
		if !hit {
			t.Errorf("%s\nwants %s with %q, got %v", test.body, test.code, test.words, ds)
		}
	}
}
