package decode

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// reword says what would be right where HCL, which knows only names, cannot:
// it is told by the words that HCL uses, and leaves what it does not know.
// path is the block as `syndicate schema` knows it, and content what could be
// read of it. An argument that is only misspelt is not missing as well.
func (st *Structure) reword(diags hcl.Diagnostics, path string, content *hcl.BodyContent) hcl.Diagnostics {
	misspelt := map[string]bool{}
	for _, d := range diags {
		if name := unexpected(d.Detail); name != "" {
			misspelt[st.meant(name)] = true
		}
	}
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		if name, ok := missing(d); ok && misspelt[name] {
			return true
		}
		st.rewordOne(d, path, content)
		return false
	})
}

// missing returns the name of the argument that HCL misses.
func missing(d *hcl.Diagnostic) (string, bool) {
	name, ok := quotedIn(d.Detail, "The argument ")
	return name, ok && d.Summary == "Missing required argument"
}

func (st *Structure) rewordOne(d *hcl.Diagnostic, path string, content *hcl.BodyContent) {
	at := hcl.Range{}
	if d.Subject != nil {
		at = *d.Subject
	}
	if name, ok := quotedIn(d.Detail, "define a block of type "); ok && st.blocks[name] != nil {
		d.Detail = fmt.Sprintf("%s is a block, which takes no equals sign: write %s.", name, st.blocks[name].sketch(at))
		return
	}
	if name, ok := quotedIn(d.Detail, "define argument "); ok && st.attrs[name] != nil {
		d.Detail = fmt.Sprintf("%s takes a value, with an equals sign: write %s.", name, st.attrs[name].sketch(at))
		return
	}
	if name, ok := missing(d); ok && st.attrs[name] != nil {
		f := st.attrs[name]
		d.Detail = fmt.Sprintf("%s is required: write %s. %s", name, f.sketch(at), f.Doc)
		return
	}
	if name := unexpected(d.Detail); name != "" {
		if said, _, ok := strings.Cut(d.Detail, " Did you mean "); ok {
			d.Detail = said // HCL knows no letters but these, and nothing that is set already
		}
		d.Detail += st.instead(name, path, content)
		if path == "" && d.Summary == "Unsupported argument" {
			d.Detail += " Values of variables stand in a file that --var-file names, or in one called *.auto.vars.hcl."
		}
		return
	}
	for _, f := range st.Blocks {
		switch {
		case f.Label == "" || !strings.HasSuffix(d.Summary, " for "+f.Name):
		case strings.HasPrefix(d.Summary, "Missing "), strings.HasPrefix(d.Summary, "Extraneous "):
			d.Detail = fmt.Sprintf("A %s block has one %s: write %s.", f.Name, f.Label, f.sketch(at))
		}
	}
}

// meant returns the name of this block that a wrong one was probably meant to
// be, or nothing.
func (st *Structure) meant(name string) string {
	if near := nearest(name, st.names()); near != "" {
		return near
	}
	return st.synonym(name)
}

// names are those of all that may stand in the block.
func (st *Structure) names() []string {
	var names []string
	for _, f := range st.Attributes {
		names = append(names, f.Name)
	}
	for _, f := range st.Blocks {
		names = append(names, f.Name)
	}
	return names
}

// instead says what may stand in a block instead of a name that may not.
func (st *Structure) instead(name, path string, content *hcl.BodyContent) string {
	meant := st.meant(name)
	if meant == "" {
		const few = 8
		text := st.elsewhere(name, path)
		if names := st.names(); len(names) <= few {
			return text + " What may stand here: " + strings.Join(names, ", ") + "."
		}
		return text + " What may stand here: " + strings.TrimSpace("syndicate schema "+path) + "."
	}
	text := fmt.Sprintf(" Did you mean %q?", meant)
	if content != nil && content.Attributes[meant] != nil {
		text += fmt.Sprintf(" It is set already, on line %d.", content.Attributes[meant].Range.Start.Line)
	}
	return text
}

// elsewhere says in which other blocks of the same block of the top level a
// name may stand, where there are few.
func (st *Structure) elsewhere(name, path string) string {
	const few = 3
	top, _, _ := strings.Cut(path, ".")
	var homes []string
	var look func(f *Field, path string)
	look = func(f *Field, path string) {
		in := st.types.of(f.typ)
		if in.attrs[name] != nil || in.blocks[name] != nil {
			homes = append(homes, path)
		}
		for i := range in.Blocks {
			look(&in.Blocks[i], path+"."+in.Blocks[i].Name)
		}
	}
	for _, f := range st.types.topLevel() {
		if f.Name == top {
			look(&f, top)
		}
	}
	if len(homes) == 0 || len(homes) > few {
		return ""
	}
	return fmt.Sprintf(" It belongs in %s.", strings.Join(homes, " or "))
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

// sketch shows how an attribute or block is written at a place.
func (f *Field) sketch(at hcl.Range) string {
	switch {
	case f.typ != nil && f.Label != "" && inJSON(at):
		return fmt.Sprintf("%q: { %q: { … } }", f.Name, strings.ToUpper(f.Label))
	case f.typ != nil && f.Label != "":
		return fmt.Sprintf("%s %q { … }", f.Name, strings.ToUpper(f.Label))
	case f.typ != nil && inJSON(at):
		return strconv.Quote(f.Name) + ": { … }"
	case f.typ != nil:
		return f.Name + " { … }"
	case f.Type == "command":
		return assign(at, f.Name, `["program", "argument"]`)
	case strings.HasPrefix(f.Type, "map"):
		return assign(at, f.Name, object(at, "NAME", "…"))
	case strings.HasPrefix(f.Type, "list"):
		return assign(at, f.Name, "[ … ]")
	case len(f.Enum) > 0:
		return assign(at, f.Name, strconv.Quote(f.Enum[0]))
	}
	return assign(at, f.Name, "…")
}
