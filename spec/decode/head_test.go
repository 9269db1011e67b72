package decode

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Head gives what a look at the whole file gives, wherever the block stands
// and whatever looks like it.
func TestHeadIsThatOfTheWholeFile(t *testing.T) {
	block := "syndicate {\n  name = \"x\"\n  http {\n    listen = \"127.0.0.1:0\"\n  }\n}\n"
	service := "service \"api\" {\n  command = [\"true\"]\n}\n"
	for i, text := range []string{
		"", service, block, service + block + service, block + service,
		"# syndicate {\n" + service, "/* syndicate {\n} */\n" + block, "/* c */ " + block,
		"  " + block, block + block, "syndicate \"x\" {\n}\n", "syndicate = 1\n", "syndicate {\n", "syndicate {}\n",
		"locals {\n  a = <<E\nsyndicate {\n  name = \"y\"\n}\nE\n}\n", "locals {\n  a = <<E\nsyndicate {\nE\n}\n" + block,
		"syndicate{\n  name = \"z\"\n}\n", block + "service {\n", "syndicate {\n  name = 1 +\n}\n",
		"syndicate {\n  name = \"x\" }\n", "syndicate\n{\n}\n", strings.ReplaceAll(service+block, "\n", "\r\n"),
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "main.hcl")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			head, ds := Head(Options{Path: path})
			whole := newLoader(Options{Path: path})
			whole.read()
			whole.readSyndicate()
			if head.Name != whole.system.Name || head.StateDir != whole.system.StateDir {
				t.Errorf("got %+v, want name %s in %s", head, whole.system.Name, whole.system.StateDir)
			}
			if ds.HasErrors() && !convertDiagnostics(whole.problems).HasErrors() {
				t.Errorf("Head alone finds mistakes: %v", ds)
			}
		})
	}
}
