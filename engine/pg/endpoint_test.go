package pg

import (
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// A URL through a relay says how to reach that, and keeps what a session is
// to be like.
func TestEndpointThrough(t *testing.T) {
	for from, want := range map[string]string{
		"postgres://u:p%40ss@db.example.com:5433/n?sslmode=require&application_name=my%20app": "postgres://u:p%40ss@127.0.0.1:6432/n?application_name=my%20app&sslmode=disable",
		"postgres://u@/n?host=/run/postgresql&port=5433":                                      "postgres://u@127.0.0.1:6432/n?sslmode=disable",
		"postgresql://u:p@a:1,b:2/n?target_session_attrs=read-write&connect_timeout=3":        "postgres://u:p@127.0.0.1:6432/n?connect_timeout=3&sslmode=disable",
	} {
		e, err := ParseURL(spec.Sensitive(from))
		if err != nil {
			t.Fatal(err)
		}
		through, err := e.Through("127.0.0.1", 6432, false)
		if err != nil || through.URL().Reveal() != want || through.Port != 6432 || through.Host != "127.0.0.1" {
			t.Errorf("%s\n got %s, %v\nwant %s", from, through.URL().Reveal(), err, want)
		}
		if !through.URL().IsSensitive() {
			t.Error("it shows its password")
		}
	}
	e, err := ParseURL(spec.Sensitive("postgres://u:p@db:1/n"))
	if err != nil {
		t.Fatal(err)
	}
	through, err := e.Through("10.0.0.1", 6432, true)
	if want := "postgres://u:p@10.0.0.1:6432/n?sslmode=require"; err != nil || through.URL().Reveal() != want {
		t.Errorf("encrypted: %s, %v", through.URL().Reveal(), err)
	}
}
