package main

import (
	"fmt"
	"strings"

	"github.com/syndicate/syndicate/spec/decode"
	"github.com/syndicate/syndicate/view"
)

// schemaCmd shows the language.
type schemaCmd struct {
	Block      string `arg:"" optional:"" name:"block" help:"A block such as service or service.ready, or functions; without one all blocks are listed." completion-predictor:"block"`
	JSON       bool   `name:"json" xor:"form" help:"The whole language as JSON."`
	JSONSchema bool   `name:"json-schema" xor:"form" help:"A JSON Schema of *.hcl.json files, for editors."`
}

// Run shows the whole language, or one block of it.
func (c *schemaCmd) Run(s *session) error {
	l := language()
	o := view.TextOptions{Width: s.stdout.Width(), Colour: s.stdout.colour}
	switch {
	case c.Block != "" && (c.JSON || c.JSONSchema):
		return usage("--json and --json-schema describe the whole language: leave out %s", c.Block)
	case c.JSON:
		return l.JSON(s.stdout)
	case c.JSONSchema:
		return l.JSONSchema(s.stdout)
	case c.Block == "":
		return l.Text(s.stdout, o)
	case c.Block == functionsPage:
		return l.FunctionsText(s.stdout, o)
	}
	b, names := l.Find(c.Block)
	if b == nil {
		if len(names) == 0 {
			return failWith(fmt.Errorf("there is no block %s", c.Block), "syndicate schema")
		}
		return failWith(fmt.Errorf("there is no block %s; here stand %s", c.Block, strings.Join(names, ", ")), "syndicate schema")
	}
	return b.Text(s.stdout, c.Block, o)
}

// language is the language as the views have it.
func language() view.Language {
	l := view.Language{FormatVersion: view.LanguageVersion, Blocks: blocksOf(decode.Language())}
	for _, f := range decode.Functions() {
		l.Functions = append(l.Functions, view.Function(f))
	}
	return l
}

// functionsPage is what schema takes beside blocks.
const functionsPage = "functions"

func blocksOf(fields []decode.Field) []view.Block {
	out := []view.Block{}
	for _, f := range fields {
		b := view.Block{
			Name: f.Name, Label: f.Label, Doc: f.Doc, Many: f.Many, Required: f.Required,
			Later: f.Later, Open: f.Open, Arguments: []view.Argument{},
			Blocks: blocksOf(f.Block().Blocks),
		}
		for _, a := range f.Block().Attributes {
			b.Arguments = append(b.Arguments, view.Argument{
				Name: a.Name, Type: a.Type, Default: a.Default, Doc: a.Doc,
				Enum: a.Enum, Required: a.Required, Later: a.Later,
			})
		}
		out = append(out, b)
	}
	return out
}

// blockPaths are the paths of all blocks, as schema takes them.
func blockPaths(blocks []view.Block, parent string) []string {
	var out []string
	for _, b := range blocks {
		path := strings.TrimPrefix(parent+"."+b.Name, ".")
		out = append(append(out, path), blockPaths(b.Blocks, path)...)
	}
	return out
}
