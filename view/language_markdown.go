package view

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the language's reference: a section for each block.
func (l Language) Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# The language\n\n")
	b.WriteString("What a configuration may hold. `syndicate schema BLOCK` shows the same on a terminal, ")
	b.WriteString("`syndicate schema --json` for programs, and `syndicate schema --json-schema` for editors of `*.hcl.json`.\n\n")
	b.WriteString("Durations have the units `ns us ms s m h d`, sizes `B kB MB GB TB KiB MiB GiB TiB`, shares `%`; ")
	b.WriteString("a rate is a count or a size per duration: `\"1/5m\"`. What is marked *later* is decoded and checked, ")
	b.WriteString("but `up` of this version refuses it.\n\n")
	for _, block := range l.Blocks {
		fmt.Fprintf(&b, "- [`%s`](#%s)\n", block.header(), block.Name)
	}
	for _, block := range l.Blocks {
		block.markdown(&b, "", "##")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (b *Block) markdown(out *strings.Builder, parent, heading string) {
	path := strings.TrimPrefix(parent+"."+b.Name, ".")
	fmt.Fprintf(out, "\n%s `%s`\n\n%s", heading, path, b.Doc)
	if b.Later {
		out.WriteString(" *Later.*")
	}
	switch {
	case b.Label != "" && b.Many:
		fmt.Fprintf(out, " Its label is its %s.", b.Label)
	case b.Many && parent != "":
		out.WriteString(" May be repeated.")
	}
	out.WriteString("\n")
	if b.Open {
		out.WriteString("\nTakes arguments of any name.\n")
	}
	if len(b.Arguments) > 0 {
		out.WriteString("\n| argument | type | default | meaning |\n|---|---|---|---|\n")
	}
	for _, a := range b.Arguments {
		value := "–"
		switch {
		case a.Required:
			value = "*required*"
		case a.Default != "":
			value = "`" + a.Default + "`"
		}
		kind := a.Type
		if len(a.Enum) > 0 {
			kind = "`" + strings.Join(a.Enum, "` \\| `") + "`"
		}
		doc := a.Doc
		if a.Later {
			doc += " *Later.*"
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", a.Name, kind, value, strings.ReplaceAll(doc, "|", "\\|"))
	}
	for i := range b.Blocks {
		b.Blocks[i].markdown(out, path, "###")
	}
}

// CodesMarkdown writes the page of all codes.
func CodesMarkdown(w io.Writer, all []Explained) error {
	var b strings.Builder
	b.WriteString("# Codes\n\nEvery diagnostic has a code, and `syndicate explain CODE` tells what stands here.\n\n")
	for _, e := range all {
		fmt.Fprintf(&b, "- [%s](#%s) %s\n", e.Code, strings.ToLower(e.Code), e.Title)
	}
	for _, e := range all {
		fmt.Fprintf(&b, "\n<a id=\"%s\"></a>\n\n## %s: %s\n\n%s\n", strings.ToLower(e.Code), e.Code, e.Title, strings.TrimSpace(e.Text))
		language := "sql"
		if strings.HasPrefix(e.Code, "S") {
			language = "hcl" // what is wrong with a configuration
		}
		for _, example := range []struct{ title, text string }{{"Wrong", e.Wrong}, {"Right", e.Right}} {
			if example.text != "" {
				fmt.Fprintf(&b, "\n%s:\n\n```%s\n%s\n```\n", example.title, language, example.text)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
