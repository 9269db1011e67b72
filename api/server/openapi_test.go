package server

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aymanbagabas/go-udiff"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/engine"
	"github.com/syndicate/syndicate/plan"
)

var update = flag.Bool("update", false, "rewrite docs/reference/openapi.json")

// The description in docs/reference/ is the one that the server gives.
func TestDescriptionIsCurrent(t *testing.T) {
	want, err := json.MarshalIndent(OpenAPI(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	path := filepath.Join("..", "..", "docs", "reference", "openapi.json")
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("openapi.json is not current; run: go generate ./docs/...\n%s",
			udiff.Unified("committed", "generated", string(got), string(want)))
	}
}

// description is what a test reads of an OpenAPI document.
type description struct {
	Paths map[string]map[string]struct {
		Parameters []struct{ Name string }
		Responses  map[string]struct {
			Content map[string]struct{ Schema map[string]any }
		}
	}
}

func describe(t *testing.T) (document any, d description) {
	t.Helper()
	text, err := json.Marshal(OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	document, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return document, d
}

func TestEveryRouteIsDescribed(t *testing.T) {
	_, d := describe(t)
	routes := table()
	if len(d.Paths) != len(routes) {
		t.Errorf("%d paths are described, %d are answered", len(d.Paths), len(routes))
	}
	for _, to := range routes {
		op, ok := d.Paths[to.path][strings.ToLower(to.method)]
		if !ok || len(d.Paths[to.path]) != 1 {
			t.Errorf("%s %s is not described", to.method, to.path)
			continue
		}
		if len(op.Parameters) != len(to.params) {
			t.Errorf("%s: %d parameters are described, %d are taken", to.path, len(op.Parameters), len(to.params))
		}
		if to.summary == "" || to.handle == nil || to.media == "" {
			t.Errorf("%s is incomplete", to.path)
		}
	}
}

// Every answer that the handlers really give, each event of a stream too, is
// what its schema says. Fields that the schema does not know are mistakes.
func TestAnswersFitTheirDescription(t *testing.T) {
	document, d := describe(t)
	close := func(v any) {} // every object of ours is closed for this test
	close = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, ok := v["properties"]; ok {
				v["additionalProperties"] = false
			}
			for _, x := range v {
				close(x)
			}
		case []any:
			for _, x := range v {
				close(x)
			}
		}
	}
	close(document)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	compile := func(path, method, code, media string, stream bool) *jsonschema.Schema {
		t.Helper()
		if d.Paths[path][method].Responses[code].Content[media].Schema == nil {
			t.Fatalf("%s has no %s in its %s", path, media, code)
		}
		escape := strings.NewReplacer("~", "~0", "/", "~1").Replace
		pointer := "#/paths/" + escape(path) + "/" + method + "/responses/" + code + "/content/" + escape(media) + "/schema"
		if stream {
			pointer += "/contentSchema"
		}
		s, err := c.Compile("openapi.json" + pointer)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	check := func(s *jsonschema.Schema, path string, text []byte) {
		t.Helper()
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err == nil {
			err = s.Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", path, err, text)
		}
	}

	f, dir := fullFake(), t.TempDir()
	s := serve(t, dir, f)
	if err := s.Listen(&HTTP{Listen: "127.0.0.1:0", Token: testToken}); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "service.api", "one\nt\xffwo\n")
	bodies := map[string]string{api.PathApply: "bundle", api.PathCommands: `{"verb":"start"}`, api.PathDown: `{"cause":"a test"}`}
	for _, to := range table() {
		media, _, _ := strings.Cut(to.media, ";")
		method := strings.ToLower(to.method)
		target := to.path
		if to.path == api.PathLogin {
			code, _, _ := s.logins.issue(time.Now())
			target += "?code=" + code
		}
		if to.path == api.PathOutcomes {
			id, _ := s.permits.add(new(engine.Permit))
			bodies[to.path] = `{"id":"` + id + `","outcome":"success"}`
		}
		status, got, text := send(t, dir, to, target, bodies[to.path])
		if status != 200 || !strings.HasPrefix(got, media) {
			t.Errorf("%s: %d %s", to.path, status, got)
			continue
		}
		switch media {
		case jsonType:
			check(compile(to.path, method, "200", media, false), to.path, text)
		case streamType:
			events := eventsOf(text)
			if len(events) == 0 {
				t.Errorf("%s: no event", to.path)
			}
			s := compile(to.path, method, "200", media, true)
			for _, ev := range events {
				check(s, to.path, ev)
			}
		}
		status, got, text = send(t, dir, to, to.path+"?nonsense=1", bodies[to.path])
		if status != 400 || got != api.ProblemType {
			t.Errorf("%s?nonsense: %d %s", to.path, status, got)
		}
		check(compile(to.path, method, "default", api.ProblemType, false), to.path, text)
	}
}

// fullFake has something to say in every field.
func fullFake() *fake {
	f := newFake()
	fill(reflect.ValueOf(&f.units[0]).Elem())
	f.units[0].State = engine.Ready
	ev := api.Event{}
	fill(reflect.ValueOf(&ev).Elem())
	ev.Kind = api.EventTransition
	f.happened = []api.Event{ev, {Seq: 2, Kind: api.EventEngine}}
	f.operate = func(_ context.Context, _ any, progress func(api.Progress)) (api.Result, error) {
		progress(api.Progress{Turn: &api.Turn{Operation: "up", Actor: "ada", Since: time.Now()}})
		progress(api.Progress{Event: &ev})
		progress(api.Progress{Waiting: []api.Waiting{{Unit: "service.api", State: "starting", Since: time.Now(), For: []string{"x"}}}})
		return api.Result{Outcome: api.OutcomeFailed, Cause: "c", Unit: "u", Lines: []string{"l"}, Output: "o"}, nil
	}
	f.running = new(plan.Running)
	fill(reflect.ValueOf(f.running).Elem())
	close(f.gone) // a stop is done at once
	return f
}

// fill sets every field to something.
func fill(v reflect.Value) {
	switch {
	case !v.CanSet():
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1, 0).UTC()))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case v.Kind() == reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case v.Kind() == reflect.String:
		v.SetString("text")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	case v.CanFloat():
		v.SetFloat(1)
	}
}

func send(t *testing.T, dir string, to route, target, body string) (status int, media string, text []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), to.method, "http://x"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", to.bodyType)
	}
	resp, err := raw(dir).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), text
}

// eventsOf returns the data of a stream's events, but the last one's.
func eventsOf(text []byte) [][]byte {
	var events [][]byte
	for block := range bytes.SplitSeq(text, []byte("\n\n")) {
		lines := bytes.Split(block, []byte("\n"))
		if slices.ContainsFunc(lines, func(l []byte) bool { return bytes.HasPrefix(l, []byte("event:")) }) {
			continue
		}
		for _, l := range lines {
			if data, ok := bytes.CutPrefix(l, []byte("data: ")); ok {
				events = append(events, data)
			}
		}
	}
	return events
}
