package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/aymanbagabas/go-udiff"
	kongcompletion "github.com/jotaen/kong-completion"

	"github.com/syndicate/syndicate/engine/pg/lint"
	"github.com/syndicate/syndicate/view"
)

// exitStatus is the exit code that an error of a process carries.
func exitStatus(err error) string {
	if ee, ok := errors.AsType[*exec.ExitError](err); ok {
		return strconv.Itoa(ee.ExitCode())
	}
	return err.Error()
}

// testParser is the parser of the real grammar.
func testParser(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := kong.New(&root{}, silentSession().options()...)
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// The reference in docs/reference/ says what this version is.
func TestReference(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "reference")
	pages := map[string]func(io.Writer) error{
		"language.md": language().Markdown,
		"schema.json": language().JSONSchema,
		"codes.md":    func(w io.Writer) error { return view.CodesMarkdown(w, codes()) },
		"lint.md":     func(w io.Writer) error { return view.LintMarkdown(w, lintGroups(), otherLinters()) },
		"cli.md":      func(w io.Writer) error { return commandLine(w, testParser(t).Model) },
	}
	for name, write := range pages {
		var want bytes.Buffer
		if err := write(&want); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if *update {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not current; run: go generate ./docs/...\n%s", name,
				udiff.Unified("committed", "generated", string(got), want.String()))
		}
	}
}

// lintGroups are the rules for migrations as the reference lists them.
func lintGroups() []view.LintGroup {
	var all []view.LintGroup
	for _, g := range lint.Groups() {
		group := view.LintGroup{Title: g.Title}
		for _, r := range g.Rules {
			group.Rules = append(group.Rules, view.LintRule{Code: r.Code, Severity: string(r.Severity), Title: r.Title})
		}
		all = append(all, group)
	}
	return all
}

// otherLinters are those that people come from.
func otherLinters() []view.OtherLinter {
	all := []view.OtherLinter{{Name: "squawk"}, {Name: "Atlas"}}
	for i, rules := range [][]lint.Counterpart{lint.Squawk(), lint.Atlas()} {
		for _, r := range rules {
			all[i].Rules = append(all[i].Rules, view.OtherRule{Rule: r.Rule, Codes: r.Codes, Note: r.Note})
		}
	}
	return all
}

// commandLine writes the reference of the command line.
func commandLine(w io.Writer, app *kong.Application) error {
	var b strings.Builder
	b.WriteString("# The command line\n\n`syndicate [-C DIR] [-f PATH] COMMAND …`\n\n")
	b.WriteString("`syndicate COMMAND --help` shows the same on a terminal. stdout carries the result, stderr everything else. With `--json` a command that has no result prints why: the diagnostics, as `validate --json` does, or one line with `error`, `next` and `exit_code`. " +
		"Neither has colours where `NO_COLOR` is set or `TERM` is `dumb`, and what is drawn is ASCII where the first of " +
		"`LC_ALL`, `LC_CTYPE` and `LANG` that is set names no UTF-8 locale; data are the same everywhere.\n\n")
	b.WriteString("## Flags of every command\n\n")
	flags(&b, app.Flags)
	for _, c := range app.Children {
		command(&b, c, "##")
	}
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, e := range []struct {
		code    int
		meaning string
	}{
		{exitDone, "done; `up`: stopped in good order by `down`, SIGTERM or SIGHUP"},
		{exitFailed, "error; `up`: failed"},
		{exitPending, "`plan --detailed-exitcode`, `migrate status`: there is something to do"},
		{exitDiffers, "`fmt --check`: a file differs; `status --exit-code`: degraded; `migrate`: a database is dirty or does not fit its files; `migrate check`: a schema is not as it should be"},
		{exitNotReady, "`up --wait`: not ready in time"},
		{exitOpen, "`breaker exec`: the breaker lets nothing through. Otherwise it exits as the command does: 124 where `--timeout` ended it, 126 and 127 where it could not be run, 128 and the number of the signal that ended it"},
		{exitUsage, "the command line is wrong"},
		{exitInterrupted, "Ctrl-C, after an orderly stop"},
	} {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, e.meaning)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func command(b *strings.Builder, c *kong.Node, heading string) {
	if c.Hidden {
		return
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s\n\n", heading, c.Path(), c.Help)
	if c.Detail != "" {
		fmt.Fprintf(b, "```text\n%s\n```\n\n", strings.TrimSpace(c.Detail))
	}
	words := []string{"syndicate", c.Path()}
	for _, p := range c.Positional {
		words = append(words, p.Summary())
	}
	if len(c.Flags) > 0 {
		words = append(words, "[flags]")
	}
	if len(c.Children) > 0 {
		words = append(words, "COMMAND")
	}
	fmt.Fprintf(b, "`%s`\n", strings.Join(words, " "))
	if len(c.Positional) > 0 {
		b.WriteString("\n| operand | meaning |\n|---|---|\n")
		for _, p := range c.Positional {
			fmt.Fprintf(b, "| `%s` | %s |\n", p.Name, p.Help)
		}
	}
	if len(c.Flags) > 0 {
		b.WriteString("\n")
		flags(b, c.Flags)
	}
	if list := examples[c.Path()]; len(list) > 0 {
		fmt.Fprintf(b, "\n%s:\n\n```sh\n%s\n```\n", examplesTitle(list), strings.Join(list, "\n"))
	}
	for _, child := range c.Children {
		command(b, child, heading+"#")
	}
}

func flags(b *strings.Builder, all []*kong.Flag) {
	b.WriteString("| flag | meaning |\n|---|---|\n")
	for _, f := range all {
		if f.Hidden {
			continue
		}
		help := f.Help
		if len(f.Envs) > 0 {
			help += " Environment: `" + strings.Join(f.Envs, "`, `") + "`."
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.ReplaceAll(f.String(), "|", "\\|"), strings.ReplaceAll(help, "|", "\\|"))
	}
}

// A predictor that a tag names and nobody registered would make completion
// fail altogether.
func TestEveryPredictorExists(t *testing.T) {
	s := &session{}
	if _, err := kongcompletion.Command(testParser(t), kongcompletion.WithPredictors(s.predictors())); err != nil {
		t.Error(err)
	}
}
