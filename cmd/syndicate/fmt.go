package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"

	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/spec/decode"
	"github.com/syndicate/syndicate/textfile"
	"github.com/syndicate/syndicate/view"
)

// fmtCmd gives files the canonical layout.
type fmtCmd struct {
	Paths []string `arg:"" optional:"" name:"path" help:"Files, or directories whose *.hcl files are meant; - reads stdin and writes stdout. By default the configuration." completion-predictor:"path"`
	Check bool     `name:"check" help:"Change nothing, list the files that differ, and exit with 3 if there are any."`
	Diff  bool     `name:"diff" help:"Change nothing and show the differences."`
}

// maxFormatted is the largest file that is formatted: the largest that is
// read at all.
const maxFormatted = 16 << 20

// Run formats each file, and names those that it changed. A file that does
// not parse is left as it is and makes the exit code 1.
func (c *fmtCmd) Run(s *session) error {
	if len(c.Paths) == 1 && c.Paths[0] == "-" {
		return c.stdin(s)
	}
	names, err := c.files(s)
	if err != nil {
		return err
	}
	var changes []view.Reformatted
	var mistakes spec.Diagnostics
	sources := map[string][]byte{}
	for _, name := range names {
		before, err := textfile.Read(name, maxFormatted)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, reason(err))
		}
		after, ds := decode.Format(name, before)
		if ds.HasErrors() {
			sources[name] = before
			mistakes = append(mistakes, ds...)
			continue
		}
		if bytes.Equal(before, after) {
			continue
		}
		changes = append(changes, view.Reformatted{Name: name, Before: before, After: after})
		if !c.Check && !c.Diff {
			if err := replace(name, after); err != nil {
				return fmt.Errorf("write %s: %w", name, reason(err))
			}
		}
	}
	if err := view.Format(s.stdout, changes, view.FormatOptions{Diff: c.Diff, Quiet: s.quiet, Colour: s.stdout.colour}); err != nil {
		return err
	}
	return c.verdict(s, len(changes) > 0, mistakes, sources)
}

// stdin formats what comes in to what goes out.
func (c *fmtCmd) stdin(s *session) error {
	const name = "<stdin>"
	before, err := io.ReadAll(io.LimitReader(s.stdin, 17<<20))
	if err != nil {
		return fmt.Errorf("read stdin: %w", err)
	}
	after, ds := decode.Format(name, before)
	if ds.HasErrors() {
		return c.verdict(s, false, ds, map[string][]byte{name: before})
	}
	if !c.Check && !c.Diff {
		_, err := s.stdout.raw.Write(after)
		return err
	}
	var changes []view.Reformatted
	if !bytes.Equal(before, after) {
		changes = append(changes, view.Reformatted{Name: name, Before: before, After: after})
	}
	if err := view.Format(s.stdout, changes, view.FormatOptions{Diff: c.Diff, Quiet: s.quiet, Colour: s.stdout.colour}); err != nil {
		return err
	}
	return c.verdict(s, len(changes) > 0, nil, nil)
}

// verdict shows mistakes and chooses the exit code.
func (c *fmtCmd) verdict(s *session, differs bool, mistakes spec.Diagnostics, sources map[string][]byte) error {
	if mistakes.HasErrors() {
		if err := view.NewReport(mistakes, sources).Text(s.stderr, s.textOptions(s.stderr)); err != nil {
			return err
		}
		return exit(exitFailed)
	}
	if c.Check && differs {
		return exit(exitDiffers)
	}
	return nil
}

// files lists what is to be formatted, each file once.
func (c *fmtCmd) files(s *session) ([]string, error) {
	paths := c.Paths
	if len(paths) == 0 {
		path, err := s.path("")
		if err != nil {
			return nil, err
		}
		paths = []string{path}
	}
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if name = filepath.Clean(name); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case path == "-":
			return nil, usage("- stands alone: it reads stdin and writes stdout")
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", path, reason(err))
		case !info.IsDir() && strings.HasSuffix(path, ".json"):
			// JSON has tools of its own.
		case !info.IsDir():
			add(path)
		default:
			entries, err := os.ReadDir(path)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", path, reason(err))
			}
			for _, e := range entries {
				if !e.IsDir() && decode.Formattable(e.Name()) {
					add(filepath.Join(path, e.Name()))
				}
			}
		}
	}
	return names, nil
}

// replace puts new contents in the place of a file's, all of them or none.
// Links, owner and permissions stay.
func replace(name string, contents []byte) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(target, renameio.WithExistingPermissions())
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	if info, err := os.Stat(target); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			_ = f.Chown(int(st.Uid), int(st.Gid)) // only root can, and only for root it matters
		}
	}
	if _, err := f.Write(contents); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// reason is an error without the operation and path that the message names
// already.
func reason(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}
