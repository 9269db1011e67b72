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
	b.WriteString("- [Functions](#functions)\n- [The environment of children](#the-environment-of-children)\n")
	for _, block := range l.Blocks {
		block.markdown(&b, "", "##")
	}
	b.WriteString("\n## Functions\n\nWhat expressions may call; what follows `?` may be left out. None gives another answer at another time: ")
	b.WriteString("files and the environment are read while planning, so what `env`, `file`, `fileexists` and `templatefile` are asked must be known then. ")
	b.WriteString("A relative path starts from the directory of the configuration. What is made of a sensitive value is sensitive. ")
	b.WriteString("A result has at most 16 MiB.\n\n| function | what it gives |\n|---|---|\n")
	for _, f := range l.Functions {
		fmt.Fprintf(&b, "| `%s` | %s |\n", f.Call, strings.ReplaceAll(f.Doc, "|", `\|`))
	}
	b.WriteString(childEnvironment)
	_, err := io.WriteString(w, b.String())
	return err
}

// childEnvironment says what the processes of units find in their environment.
const childEnvironment = `
## The environment of children

The process of a service or a task, its exec probes, and the command of a fallback get these variables and no others; of two with one name the later counts.

| variable | what it is |
|---|---|
| ` + "`PATH` `HOME` `USER` `SHELL` `LANG` `LC_*` `TZ` `TMPDIR` `TERM`" + ` | As whoever began this life of the system has them; kept until ` + "`down`" + `. |
| ` + "`HOME` `USER` `LOGNAME`" + ` | Of the user that a unit runs as by ` + "`user`" + `. |
| those that ` + "`inherit_env`" + ` names | As each ` + "`up`" + ` finds them: another value is a change. |
| those of ` + "`env_file`" + ` | In the order of the files. |
| ` + "`PORT`" + ` | The port of a service that has one. |
| those of ` + "`env`" + ` | ` + "`null`" + ` removes a variable. |
| ` + "`NOTIFY_SOCKET`" + ` | Where ` + "`ready { notify = true }`" + ` waits for READY=1. |
| ` + "`SYNDICATE_UNIT`" + ` | The address of the unit: ` + "`service.api`" + `. |
| ` + "`SYNDICATE_LIFE`" + ` | A random mark of this life of the system, by which leftovers are recognised. |
| ` + "`SYNDICATE_RUN`" + ` | A number, another one for each process that is started in this life. |
| ` + "`SYNDICATE_DEATH_SIGNAL`" + ` | Only where a server that syndicate runs must not be killed outright when the engine dies: the number of the signal that it gets. |
| ` + "`REQUEST_METHOD` `REQUEST_URI` `BREAKER_REASON` `BREAKER_DETAIL`" + ` | Only for the command of a breaker's fallback: what was called, and why it answers. |

Never passed on, by ` + "`inherit_env`" + ` either: ` + "`SYNDICATE_VAR_*`, and the engine's own `NOTIFY_SOCKET` and `LISTEN_*`" + `. The names that begin with ` + "`SYNDICATE_`" + ` in the table cannot be given in ` + "`env`" + `.
`

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
