package decode

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func TestWhichFiles(t *testing.T) {
	for name, want := range map[string]bool{
		"a.hcl": true, "a.hcl.json": true, "a.json": false, ".a.hcl": false, "a.vars.hcl": false, "a.auto.vars.hcl": false,
		"a.vars.hcl.json": false, "a.hcl~": false, "#a.hcl#": false, "#a.hcl": false, "x.pkr.hcl": false, "x.nomad.hcl": false,
		"terragrunt.hcl": false, "README.md": false,
	} {
		if got := isConfiguration(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestHead finds a running system while the rest is broken.
func TestHead(t *testing.T) {
	tests := []struct {
		name  string
		f     files
		path  string
		want  Header
		wrong bool
	}{
		{"default of a directory", files{"a.hcl": `variable "x" {}`}, ".", Header{"c", "/c", "/c/.syndicate/c", "/c"}, false},
		{"default of a file", files{"shop.hcl": ``}, "shop.hcl", Header{"shop", "/c", "/c/.syndicate/shop", "/c/shop.hcl"}, false},
		{"declared", files{"a.hcl": "syndicate {\n name = \"s\"\n state_dir = \"st\"\n}"}, ".", Header{"s", "/c", "/c/st", "/c"}, false},
		{"JSON", files{"a.hcl.json": `{"syndicate": {"name": "s"}}`}, ".", Header{"s", "/c", "/c/.syndicate/s", "/c"}, false},
		{"broken rest", files{"a.hcl": "syndicate {\n name = \"s\"\n}\nservice {\n x = ["}, ".", Header{"s", "/c", "/c/.syndicate/s", "/c"}, false},
		{"broken file beside it", files{"a.hcl": "syndicate {\n name = \"s\"\n}", "b.hcl": "service {{{"}, ".", Header{"s", "/c", "/c/.syndicate/s", "/c"}, false},
		{"broken without the block", files{"a.hcl": "{{{"}, ".", Header{"c", "/c", "/c/.syndicate/c", "/c"}, false},
		{"perhaps hidden", files{"a.hcl": "service { syndicate {"}, ".", Header{"c", "/c", "/c/.syndicate/c", "/c"}, true},
		{"not there", files{"a.hcl": ""}, "b.hcl", Header{"", "/c", "/c/.syndicate", "/c/b.hcl"}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ds := Head(Options{Path: test.path, Dir: "/c", FS: test.f, Environ: []string{}})
			if got != test.want || ds.HasErrors() != test.wrong {
				t.Errorf("got %+v, %v", got, ds)
			}
		})
	}
}

// TestDuplicateAcrossFiles cites both places.
func TestDuplicateAcrossFiles(t *testing.T) {
	src := "service \"a\" {\n command = [\"x\"]\n}\n"
	_, ds := load(t, files{"a.hcl": src, "b.hcl.json": `{"service":{"a":{"command":["x"]}}}`})
	if len(ds) != 1 || ds[0].Code != CodeDuplicateAddr || ds[0].Related[0].Range.Filename != "a.hcl" || ds[0].Context != `service "a"` {
		t.Errorf("%+v", ds)
	}
}

// TestAllMistakesAtOnce finds those of several files and stages together, in
// order.
func TestAllMistakesAtOnce(t *testing.T) {
	_, ds := load(t, files{
		"a.hcl": "service \"a\" {\n command = [var.nope]\n prot = 1\n port = 0\n}\n",
		"b.hcl": "task \"b\" {\n run = \"down\"\n}\n",
	})
	var codes []string
	for _, d := range ds {
		codes = append(codes, d.Subject.Filename+" "+d.Code)
	}
	want := "a.hcl S030 a.hcl S004 a.hcl S013 b.hcl S021 b.hcl S012"
	if got := strings.Join(codes, " "); got != want {
		t.Errorf("got %s", got)
	}
}

// TestFileFunctions reads relative to the configuration.
func TestFileFunctions(t *testing.T) {
	s := good(t, files{
		"c.hcl": `
service "a" {
  command = ["x"]
  env = {
    A = file("t.txt")
    B = fileexists("nope")
    C = templatefile("t.tpl", { name = "n", list = ["1", "2"] })
    D = yamldecode(file("y.yaml")).k
  }
  env_file = ["?none.env", "x.env"]
}`,
		"t.txt": "text", "t.tpl": "%{ for i in list }${upper(name)}${i}%{ endfor }", "y.yaml": "k: v", "x.env": "Z=1\nA_KEY=secret\n",
	})
	for name, want := range map[string]string{"A": "text", "B": "false", "C": "N1N2", "D": "v"} {
		if got, _ := envOf(t, s.Services[0], name).Value.Value(); got.Reveal() != want {
			t.Errorf("%s = %q", name, got.Reveal())
		}
	}
	ef := s.Services[0].EnvFiles
	if len(ef) != 2 || !ef[0].Missing || len(ef[1].Vars) != 2 || ef[1].Path != "/c/x.env" {
		t.Fatalf("%+v", ef)
	}
	if v, _ := ef[1].Vars[0].Value.Value(); !v.IsSensitive() || v.Reveal() != "secret" {
		t.Errorf("A_KEY %v", v)
	}
}

// TestEnvironment picks what children inherit, and never the engine's own.
func TestEnvironment(t *testing.T) {
	s := good(t, files{"c.hcl": "service \"a\" {\n command = [\"x\"]\n inherit_env = [\"NODE_*\", \"EXACT\", \"SYNDICATE_*\", \"NOTIFY_*\", \"LISTEN_*\"]\n}"}, func(o *Options) {
		o.Environ = []string{"PATH=/bin", "LC_ALL=C", "NODE_ENV=x", "EXACT=1", "EXACTLY=2", "SECRET=s", "SYNDICATE_VAR_x=1", "NOTIFY_SOCKET=n", "LISTEN_FDS=1", "LISTEN_PID=2", "HOME=/h"}
	})
	if want := []string{"HOME=/h", "LC_ALL=C", "PATH=/bin"}; !reflect.DeepEqual(s.Environ, want) {
		t.Errorf("base %q", s.Environ)
	}
	if got, want := s.Services[0].Inherited, []string{"EXACT=1", "NODE_ENV=x"}; !reflect.DeepEqual(got, want) {
		t.Errorf("inherited %q", got)
	}
}

// TestChunks parses a large file in pieces with the places of the whole, and
// gives up cutting where a piece is not closed.
func TestChunks(t *testing.T) {
	const size = 4 << 10 // pieces of 64 KiB take the race detector seconds
	plain := many(80)
	tricky := map[string]string{
		"plain":   plain,
		"heredoc": plain + "locals {\n a = <<E\n" + strings.Repeat("}\n\nservice \"x\" {\n", 300) + "E\n}\n",
		"comment": plain + "/*\n" + strings.Repeat("}\n\nservice \"x\" {\n", 300) + "*/\nlocals {\n a = 1\n}\n",
		"bracket": plain + "locals {\n a = [\n" + strings.Repeat("{\n}\n,\n", 900) + "]\n}\n",
		"broken":  plain + "service {{{\n",
	}
	for name, text := range tricky {
		t.Run(name, func(t *testing.T) {
			whole, wholeDiags := hclsyntax.ParseConfig([]byte(text), "f", hcl.InitialPos)
			bodies, diags := parseNative([]byte(text), "f", size)
			if diags.HasErrors() != wholeDiags.HasErrors() || (name == "plain") != (len(bodies) > 1) {
				t.Fatalf("%d bodies, %v", len(bodies), diags)
			}
			var got []string
			for _, b := range bodies {
				for _, blk := range b.(*hclsyntax.Body).Blocks {
					got = append(got, blk.DefRange().String())
				}
			}
			var want []string
			for _, blk := range whole.Body.(*hclsyntax.Body).Blocks {
				want = append(want, blk.DefRange().String())
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%d blocks, want %d", len(got), len(want))
			}
		})
	}
}
