//go:build unix

package examples

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// generate asks a model and returns it, with what the breaker says of who
// answered, once as many tokens have come. Without end, as num_predict is, an
// answer that is held back until it is whole never comes.
func generate(t *testing.T, url string, tokens int) (model, source string) {
	t.Helper()
	res, err := http.Post(url+"/api/generate", "application/json", strings.NewReader(`{"prompt":"why?","options":{"num_predict":-1}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for range tokens {
		if !lines.Scan() {
			t.Fatalf("the answer ended: %v", lines.Err())
		}
		var token struct{ Model, Response string }
		if err := json.Unmarshal(lines.Bytes(), &token); err != nil || token.Response == "" {
			t.Fatalf("%q is no token: %v", lines.Text(), err)
		}
		model = token.Model
	}
	return model, res.Header.Get("X-Syndicate-Breaker")
}

// tell has a running system do something.
func (s *system) tell(args ...string) {
	s.t.Helper()
	if said, err := s.command(args...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", args, err, said)
	}
}

func TestOllama(t *testing.T) {
	port := freePort(t)
	s := newSystem(t, "ollama.hcl", fmt.Sprintf("--var=breaker_port=%d", port))
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	s.run("validate")
	s.up()
	if model, source := generate(t, url, 3); model != "llama3" || source != "ollama; source=upstream" {
		t.Errorf("%s answered: %s", model, source)
	}
	var list struct{ Models []struct{ Name string } }
	s.get(url+"/api/tags", &list)

	// The model is away: another one answers, and the list is what it was.
	s.tell("stop", "service.llama")
	for _, reason := range []string{"failed", "failed", "open"} {
		model, source := generate(t, url, 3)
		if model != "tinyllama" || !strings.HasPrefix(source, "ollama; source=upstream; fallback=2; reason=") {
			t.Errorf("with the upstream %s %s answered: %s", reason, model, source)
		}
	}
	list.Models = nil
	s.get(url+"/api/tags", &list)
	if len(list.Models) != 1 || list.Models[0].Name != "llama3" {
		t.Errorf("the list is %v", list.Models)
	}
	s.until("failures in a row", "events")

	// It comes back by itself.
	s.tell("start", "service.llama")
	s.until("llama3: The sky", "logs", "service.chat", "--tail=1")
	if model, _ := generate(t, url, 1); model != "llama3" {
		t.Errorf("%s answered", model)
	}
	s.interrupt()
}
