package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/syndicate/syndicate/spec/decode"
	"github.com/syndicate/syndicate/view"
)

// The JSON Schema accepts what a person writes in JSON, and refuses what
// decoding would.
func TestJSONSchema(t *testing.T) {
	var text bytes.Buffer
	if err := language().JSONSchema(&text); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(&text)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("syndicate.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("syndicate.json")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"a system", `{
			"//": "a comment",
			"syndicate": {"name": "shop", "parallelism": 4},
			"variable": {"port": {"type": "number", "default": 8080}},
			"locals": {"anything": [1, {"a": null}]},
			"service": {
				"api": {
					"command": ["./api", 1], "port": "auto", "critical": "${var.critical}",
					"env": {"A": "${database.main.url}", "B": null},
					"depends_on": ["task.seed.completed"],
					"ready": {"http": "/healthz", "deadline": "1m30s"},
					"stop": [{"signal": "SIGINT", "timeout": "10s"}]
				},
				"web": [{"command": "npm start"}]
			},
			"database": [{"main": {"managed": {"version": 15}}}],
			"task": {"seed": {"command": ["true"], "run": "up"}}
		}`, true},
		{"an unknown block", `{"servce": {"api": {"command": ["a"]}}}`, false},
		{"an unknown argument", `{"service": {"api": {"command": ["a"], "comand": ["a"]}}}`, false},
		{"a missing argument", `{"service": {"api": {"port": 80}}}`, false},
		{"a bare number for a duration", `{"service": {"api": {"command": ["a"], "stop": {"timeout": 10}}}}`, false},
		{"a duration without unit", `{"service": {"api": {"command": ["a"], "stop": {"timeout": "10"}}}}`, false},
		{"none of the allowed words", `{"service": {"api": {"command": ["a"], "restart": {"on": "often"}}}}`, false},
		{"a port beyond", `{"service": {"api": {"command": ["a"], "port": 80800}}}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); (err == nil) != tt.ok {
				t.Errorf("valid is %v, want %v: %v", err == nil, tt.ok, err)
			}
		})
	}
}

// Every block and argument says what it is, and its type is a word that the
// reference and the schema know.
func TestLanguageIsDocumented(t *testing.T) {
	var walk func(path string, blocks []view.Block)
	walk = func(path string, blocks []view.Block) {
		for _, b := range blocks {
			at := path + b.Name
			if !strings.HasSuffix(b.Doc, ".") {
				t.Errorf("%s: the doc %q is no sentence", at, b.Doc)
			}
			for _, a := range b.Arguments {
				if !strings.HasSuffix(a.Doc, ".") || a.Type == "" {
					t.Errorf("%s.%s: type %q, doc %q", at, a.Name, a.Type, a.Doc)
				}
				if a.Required && a.Default != "" {
					t.Errorf("%s.%s is required and has a default", at, a.Name)
				}
			}
			walk(at+".", b.Blocks)
		}
	}
	walk("", language().Blocks)
	if len(decode.Language()) < 10 {
		t.Error("blocks are missing")
	}
}

// Between --var and --var-file the order on the command line counts.
func TestInputsKeepTheirOrder(t *testing.T) {
	r := &root{}
	s := &session{stdout: stream{Writer: io.Discard}, stderr: stream{Writer: io.Discard}}
	parser, err := kong.New(r, s.options()...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"validate", "--var", "a=1,2", "--var-file=x", "--var=b==", "--var-file", "y", "--var", "a="}); err != nil {
		t.Fatal(err)
	}
	want := []decode.Assignment{{Name: "a", Value: "1,2"}, {File: "x"}, {Name: "b", Value: "="}, {File: "y"}, {Name: "a"}}
	all := r.Validate.assignments()
	if len(all) != len(want) {
		t.Fatalf("got %v", all)
	}
	for i := range want {
		if all[i] != want[i] {
			t.Errorf("%d: got %v, want %v", i, all[i], want[i])
		}
	}
}
