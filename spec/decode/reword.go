package decode

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// reword says what would be right where HCL, which knows only names, cannot:
// it is told by the words that HCL uses, and leaves what it does not know.
// path is the block as `syndicate schema` knows it.
func (st *Structure) reword(d *hcl.Diagnostic, path string) {
	if name, ok := quotedIn(d.Detail, "define a block of type "); ok && st.blocks[name] != nil {
		d.Detail = fmt.Sprintf("%s is a block, which takes no equals sign: write %s.", name, st.blocks[name].sketch())
		return
	}
	if name, ok := quotedIn(d.Detail, "define argument "); ok && st.attrs[name] != nil {
		d.Detail = fmt.Sprintf("%s takes a value, with an equals sign: write %s.", name, st.attrs[name].sketch())
		return
	}
	if name, ok := quotedIn(d.Detail, "The argument "); ok && d.Summary == "Missing required argument" && st.attrs[name] != nil {
		f := st.attrs[name]
		d.Detail = fmt.Sprintf("%s is required: write %s. %s", name, f.sketch(), f.Doc)
		return
	}
	if strings.HasSuffix(d.Detail, " not expected here.") ||
		d.Summary == "Extraneous JSON object property" && !strings.Contains(d.Detail, "Did you mean") {
		if name := st.synonym(unexpected(d.Detail)); name != "" {
			d.Detail += fmt.Sprintf(" Did you mean %q?", name)
			return
		}
		d.Detail += " What may stand here: " + strings.TrimSpace("syndicate schema "+path) + "."
		return
	}
	for _, f := range st.Blocks {
		switch {
		case f.Label == "" || !strings.HasSuffix(d.Summary, " for "+f.Name):
		case strings.HasPrefix(d.Summary, "Missing "), strings.HasPrefix(d.Summary, "Extraneous "):
			d.Detail = fmt.Sprintf("A %s block has one %s: write %s.", f.Name, f.Label, f.sketch())
		}
	}
}

// quotedIn returns what stands in quotes behind the words.
func quotedIn(text, words string) (string, bool) {
	_, rest, ok := strings.Cut(text, words+`"`)
	if !ok {
		return "", false
	}
	name, _, ok := strings.Cut(rest, `"`)
	return name, ok
}

// sketch shows how an attribute or block is written.
func (f *Field) sketch() string {
	switch {
	case f.Block != nil && f.Label != "":
		return fmt.Sprintf("%s %q { … }", f.Name, strings.ToUpper(f.Label))
	case f.Block != nil:
		return f.Name + " { … }"
	case f.Type == "command":
		return f.Name + ` = ["program", "argument"]`
	case strings.HasPrefix(f.Type, "map"):
		return f.Name + " = { NAME = … }"
	case strings.HasPrefix(f.Type, "list"):
		return f.Name + " = [ … ]"
	case len(f.Enum) > 0:
		return fmt.Sprintf("%s = %q", f.Name, f.Enum[0])
	}
	return f.Name + " = …"
}
