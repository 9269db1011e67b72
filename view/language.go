package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// LanguageVersion is the version of the JSON form of a Language.
const LanguageVersion = "1.0"

// Language describes what a configuration may hold.
type Language struct {
	FormatVersion string     `json:"format_version"`
	Blocks        []Block    `json:"blocks"`
	Functions     []Function `json:"functions"`
}

// Function is one function that expressions may call.
type Function struct {
	Name string `json:"name"`
	Call string `json:"call"` // how it is called; what follows ? may be left out
	Doc  string `json:"doc"`
}

// Block is one kind of block.
type Block struct {
	Name     string `json:"name"`
	Label    string `json:"label,omitempty"` // what its label says
	Doc      string `json:"doc"`
	Many     bool   `json:"many"` // may be repeated
	Required bool   `json:"required"`
	Later    bool   `json:"later"` // its runtime comes with a later version
	// Open blocks take arguments of any name.
	Open      bool       `json:"open"`
	Arguments []Argument `json:"arguments"`
	Blocks    []Block    `json:"blocks"`
}

// Argument is one argument of a block.
type Argument struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Default  string   `json:"default,omitempty"` // as HCL writes it
	Doc      string   `json:"doc"`
	Enum     []string `json:"enum,omitempty"`
	Required bool     `json:"required"`
	Later    bool     `json:"later"`
}

// Find returns the block at a path such as service.ready, and the names that
// exist where the path leaves the known.
func (l Language) Find(path string) (*Block, []string) {
	blocks := l.Blocks
	var found *Block
	for name := range strings.SplitSeq(path, ".") {
		i := slices.IndexFunc(blocks, func(b Block) bool { return b.Name == name })
		if i < 0 {
			var names []string
			for _, b := range blocks {
				names = append(names, b.Name)
			}
			return nil, names
		}
		found, blocks = &blocks[i], blocks[i].Blocks
	}
	return found, nil
}

// JSON writes the language as one object.
func (l Language) JSON(w io.Writer) error { return writeJSON(w, l) }

// Text lists the blocks at the top of a configuration.
func (l Language) Text(w io.Writer, o TextOptions) error {
	var b strings.Builder
	i := ink(o.Colour)
	width := 0
	for _, block := range l.Blocks {
		width = max(width, len(block.header()))
	}
	for _, block := range l.Blocks {
		head := i.bold(block.header()) + strings.Repeat(" ", width-len(block.header()))
		definition(&b, head, width, block.Doc+later(block.Later), o)
	}
	b.WriteString("\nsyndicate schema BLOCK shows what one of them takes, such as service or service.ready;\n")
	b.WriteString("syndicate schema functions lists what expressions may call.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// FunctionsText lists the functions.
func (l Language) FunctionsText(w io.Writer, o TextOptions) error {
	var b strings.Builder
	i := ink(o.Colour)
	for _, f := range l.Functions {
		b.WriteString(i.bold(f.Call) + "\n")
		for _, line := range wrap(f.Doc, o.Width-4) {
			b.WriteString("    " + line + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Text shows one block: its arguments and the blocks that may stand in it.
func (b *Block) Text(w io.Writer, path string, o TextOptions) error {
	var out strings.Builder
	i := ink(o.Colour)
	fmt.Fprintf(&out, "%s\n", i.bold(b.header()))
	for _, line := range wrap(b.Doc+later(b.Later), o.Width-2) {
		out.WriteString("  " + line + "\n")
	}
	if len(b.Arguments) > 0 {
		out.WriteString("\nArguments:\n")
	}
	for _, a := range b.Arguments {
		out.WriteString("  " + i.bold(a.Name) + " " + i.note(a.Type) + i.dim(a.note()) + "\n")
		for _, line := range wrap(a.Doc, o.Width-6) {
			out.WriteString("      " + line + "\n")
		}
	}
	if b.Open {
		out.WriteString("\nArguments of any name.\n")
	}
	if len(b.Blocks) > 0 {
		fmt.Fprintf(&out, "\nBlocks (syndicate schema %s.BLOCK):\n", path)
	}
	width := 0
	for _, block := range b.Blocks {
		width = max(width, len(block.header()))
	}
	for _, block := range b.Blocks {
		head := "  " + i.bold(block.header()) + strings.Repeat(" ", width-len(block.header()))
		definition(&out, head, width+2, block.Doc+later(block.Later), o)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// definition writes a term and, wrapped beside it, what it means.
func definition(b *strings.Builder, head string, width int, text string, o TextOptions) {
	for n, line := range wrap(text, max(o.Width-width-2, 20)) {
		if n > 0 {
			head = strings.Repeat(" ", ansi.StringWidth(head))
		}
		b.WriteString(head + "  " + line + "\n")
	}
}

// header is the block as it begins in HCL.
func (b *Block) header() string {
	if b.Label != "" {
		return b.Name + " " + strings.ToUpper(b.Label)
	}
	return b.Name
}

// note is what else there is to say beside an argument's name.
func (a Argument) note() string {
	var parts []string
	if a.Required {
		parts = append(parts, "required")
	}
	if len(a.Enum) > 0 {
		parts = append(parts, "one of "+strings.Join(a.Enum, " | "))
	}
	if a.Default != "" {
		parts = append(parts, "default "+a.Default)
	}
	if a.Later {
		parts = append(parts, "in a later version")
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// later marks what this version decodes but cannot run.
func later(yes bool) string {
	if yes {
		return " (In a later version.)"
	}
	return ""
}
