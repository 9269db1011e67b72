package pg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/spec"
)

func TestParseURL(t *testing.T) {
	for name, test := range map[string]struct{ url, want string }{
		"whole":            {"postgres://app:s3cret-pw@db.example:6000/shop?sslmode=disable", "shop on db.example:6000 as app"},
		"other scheme":     {"postgresql://app@db.example/shop", "shop on db.example:5432 as app"},
		"escaped password": {"postgres://app:a%2Fb%40c@db.example/shop", "shop on db.example:5432 as app"},
		"IPv6":             {"postgres://app@[::1]:5433/shop", "shop on [::1]:5433 as app"},
		"socket":           {"postgres://app@/shop?host=/run/pg&port=5433", "shop on /run/pg:5433 as app"},
		"empty":            {"", "it is empty"},
		"blank":            {"  ", "it is empty"},
		"mysql":            {"mysql://app:s3cret-pw@db/shop", "does not begin with postgres://"},
		"keywords":         {"host=db password=s3cret-pw", "does not begin with postgres://"},
		"unescaped":        {"postgres://app:s3cret-pw%zz@db/shop", "it is not a URL"},
		"slash":            {"postgres://app:s3cret-pw/x@db/shop", "it is not a URL"},
		"bad sslmode":      {"postgres://app:s3cret-pw@db/shop?sslmode=maybe", "sslmode"},
		"bad port":         {"postgres://app:s3cret-pw@db:99999/shop", "port"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := ParseURL(spec.Sensitive(test.url))
			got := e.String()
			if err != nil {
				got = fmt.Sprintf("%v %+v", err, errors.Unwrap(err))
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if strings.Contains(got, "s3cret") {
				t.Errorf("%q shows the password", got)
			}
		})
	}
}

func TestParts(t *testing.T) {
	e, err := Parts{Host: "db", Database: "sh op", User: "a@b", Password: spec.Sensitive("p/@:#?% ü"), SSL: "disable"}.Endpoint()
	if err != nil || e.Host != "db" || e.Port != 5432 || e.Database != "sh op" || e.User != "a@b" || e.Password.Reveal() != "p/@:#?% ü" {
		t.Errorf("%v, %v", e, err)
	}
	for name, p := range map[string]Parts{"host": {Database: "a", User: "b"}, "name": {Host: "a", User: "b"}, "user": {Host: "a", Database: "b"}} {
		_, err := p.Endpoint()
		wantText(t, err, name+" is empty")
	}
}

// stub is a server that answers each connection with one ErrorResponse, or
// with nothing.
func stub(t *testing.T, code, message string) Endpoint {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 1024)
			_, _ = c.Read(buf)
			if code != "" {
				body := "SFATAL\x00VFATAL\x00C" + code + "\x00M" + message + "\x00\x00"
				n := len(body) + 4
				_, _ = c.Write(append([]byte{'E', byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...))
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	e, err := Parts{
		Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Database: "shop", User: "app",
		Password: spec.Sensitive("correct-horse"), SSL: "disable",
	}.Endpoint()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestConnectTriesAgainWhereThatHelps(t *testing.T) {
	for name, test := range map[string]struct {
		code, message string
		attempts      int
		want          []string
	}{
		"starting":          {"57P03", "the database system is starting up", 4, []string{"starting up", "57P03", "4 times in a row"}},
		"shut down":         {"57P01", "terminating connection", 4, []string{"57P01"}},
		"full":              {"53300", "sorry, too many clients already", 4, []string{"max_connections"}},
		"connection class":  {"08P01", "query_wait_timeout", 4, []string{"08P01"}},
		"closed":            {"", "", 4, []string{"closed by the other side"}},
		"wrong password":    {"28P01", "password authentication failed", 1, []string{"check the password of the role \"app\""}},
		"no pg_hba entry":   {"28000", "no pg_hba.conf entry", 1, []string{"pg_hba.conf"}},
		"unknown database":  {"3D000", "database \"shop\" does not exist", 1, []string{"createdb", "shop"}},
		"wants TLS":         {"28000", "no pg_hba.conf entry for host \"::1\", user \"app\", database \"shop\", no encryption", 1, []string{"sslmode=require"}},
		"no right":          {"42501", "permission denied for database shop", 1, []string{`GRANT CONNECT ON DATABASE "shop" TO "app"`}},
		"not its schema":    {"42501", "permission denied for schema public", 1, []string{`GRANT USAGE, CREATE ON SCHEMA "public" TO "app"`}},
		"not its table":     {"42501", "permission denied for table orders", 1, []string{"the role that owns it"}},
		"quotes the secret": {"28P01", "the password correct-horse is wrong", 1, []string{spec.Hidden}},
	} {
		t.Run(name, func(t *testing.T) {
			to := stub(t, test.code, test.message)
			var reported []Attempt
			err := Connect(t.Context(), ConnectConfig{
				Endpoint: to, Jitter: func() float64 { return 0.5 }, Report: func(a Attempt) { reported = append(reported, a) },
				Retry: spec.Retry{Attempts: 4, Backoff: spec.Backoff{Delay: 1e6, MaxDelay: 2e6, Factor: 2}},
			})
			wantText(t, err, test.want...)
			if len(reported) != test.attempts || reported[len(reported)-1].Next != 0 {
				t.Errorf("%d attempts were told; want %d: %+v", len(reported), test.attempts, reported)
			}
			if text := err.Error(); strings.Contains(text, "correct-horse") {
				t.Errorf("%q shows the password", text)
			}
		})
	}
}

func TestConnectFailsWithoutServer(t *testing.T) {
	for name, test := range map[string]struct {
		parts Parts
		want  string
	}{
		"refused":      {Parts{Host: "127.0.0.1", Port: freePort()}, "connection refused; nothing listens there"},
		"unknown host": {Parts{Host: "no-such-host.invalid"}, "no-such-host.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			test.parts.Database, test.parts.User, test.parts.Password = "shop", "app", spec.Sensitive("correct-horse")
			to, err := test.parts.Endpoint()
			if err != nil {
				t.Fatal(err)
			}
			err = to.Check(t.Context(), 2*time.Second)
			wantText(t, err, test.want)
			if !IsTemporary(err) || strings.Contains(err.Error(), "correct-horse") {
				t.Errorf("temporary %v: %v", IsTemporary(err), err)
			}
		})
	}
}

func TestConnectStopsWithItsContext(t *testing.T) {
	to := stub(t, "57P03", "the database system is starting up")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("the engine stops")
	err := Connect(ctx, ConnectConfig{
		Endpoint: to, Retry: spec.Retry{Attempts: 9, Backoff: spec.Backoff{Delay: spec.Duration(time.Hour), Factor: 1}},
		Report: func(a Attempt) {
			if a.Next > 0 {
				cancel(stop)
			}
		},
	})
	if !errors.Is(err, stop) {
		t.Errorf("err = %v, want %v", err, stop)
	}
}

func TestWaits(t *testing.T) {
	b := spec.DefaultBackoff
	for n, want := range map[int]time.Duration{1: 0, 2: 250 * time.Millisecond, 3: 500 * time.Millisecond, 4: time.Second, 9: 30 * time.Second, 400: 30 * time.Second} {
		if got := Wait(n, b, 0.5); got != want {
			t.Errorf("before attempt %d: %v, want %v", n+1, got, want)
		}
		if low, high := Wait(n, b, 0), Wait(n, b, 1); low > high || low < want*79/100 || high > want*121/100 {
			t.Errorf("jitter of attempt %d: %v to %v around %v", n+1, low, high, want)
		}
	}
	for elapsed, want := range map[time.Duration]time.Duration{0: time.Millisecond, time.Second: 40 * time.Millisecond, time.Minute: 250 * time.Millisecond} {
		if got := RetryAfter(elapsed); got != want {
			t.Errorf("after %v: %v, want %v", elapsed, got, want)
		}
	}
}

func TestDiagnose(t *testing.T) {
	for text, want := range map[string]string{
		"FATAL:  database files are incompatible with server\nDETAIL:  The data directory was initialized by PostgreSQL version 14, which is not compatible with this version 15.18.": "another major version",
		"FATAL:  data directory \"/x\" has invalid permissions\nDETAIL:  Permissions should be u=rwx (0700) or u=rwx,g=rx (0750).":                                                    "chmod 0700",
		"FATAL:  lock file \"postmaster.pid\" already exists\nHINT:  Is another postmaster (PID 7) running in data directory \"/x\"?":                                                 "kill -INT",
		"FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use\nHINT:  Terminate any old server processes":                                                           "kill -QUIT",
		"LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use\nFATAL:  could not create any TCP/IP sockets":                                                        `port = "auto"`,
		"LOG:  Unix-domain socket path \"/a/b\" is too long (maximum 107 bytes)\nFATAL:  could not create any Unix-domain sockets":                                                    "shorter state_dir",
		"\"root\" execution of the PostgreSQL server is not permitted.":                                                                                                               "another user",
		"initdb: error: could not access directory \"/root/x\": Permission denied":                                                                                                    "chmod o+x",
		"PANIC:  could not write to file \"pg_wal/xlogtemp.1\": No space left on device":                                                                                              "the disk is full",
		"FATAL:  unrecognized configuration parameter \"shared_bufers\"":                                                                                                              "settings",
		"FATAL:  could not access file \"timescaledb\": No such file or directory":                                                                                                    "shared_preload_libraries",
		"PANIC:  could not locate a valid checkpoint record":                                                                                                                          "restore a backup",
		"FATAL:  something new\nHINT:  Turn it off and on.":                                                                                                                           "Turn it off and on.",
	} {
		lines := strings.Split("2026-11-24 04:00:00.000 UTC [7] "+text+"\n2026-11-24 UTC [7] LOG:  database system is shut down", "\n")
		e := Diagnose(lines)
		if e == nil || !strings.Contains(e.Remedy, want) {
			t.Errorf("%s: %v, want %q", text, e, want)
		}
	}
	for text, want := range map[string]bool{
		`FATAL:  invalid value for parameter "work_mem": "much"`:   true,
		"PANIC:  could not write to file: No space left on device": false,
		"FATAL:  something new":                                    false,
	} {
		e := Diagnose([]string{text})
		if e == nil || e.Lasting() != want {
			t.Fatalf("%s: lasting is not %v", text, want)
		}
		if full := strings.Contains(text, "No space left"); e.Outside() != full {
			t.Errorf("%s: outside is %v", text, e.Outside())
		}
	}
	if e := Diagnose([]string{"LOG:  database system is ready to accept connections"}); e != nil {
		t.Errorf("a calm log gives %v", e)
	}
}
