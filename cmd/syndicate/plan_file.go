package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/spec/decode"
	"github.com/syndicate/syndicate/textfile"
)

// maxPlanFile bounds the plan files that are read.
const maxPlanFile = 256 << 20

// bind builds the plan and binds it to what it is made from. Where there is
// no key of digests yet, it is made: only digests that stay can be compared.
func (s *session) bind(ctx context.Context, loaded *decode.Result, bundle *decode.Bundle, offline bool, confined []spec.Addr) (*plan.File, error) {
	sys := loaded.System
	if _, err := makeKey(sys.StateDir); err != nil {
		return nil, failWith(err, s.anew("doctor"))
	}
	facts, err := s.survey(ctx, sys, offline)
	if err != nil {
		return nil, err
	}
	facts.Targets = confined
	p, diags := plan.Build(sys, facts)
	if diags.HasErrors() {
		return nil, s.refuse(diags, loaded.Sources)
	}
	inputs, err := planInputs(sys, bundle, facts)
	if err != nil {
		return nil, err
	}
	return plan.NewFile(p, facts, offline, inputs), nil
}

// planInputs lists what a plan is made from: all that the configuration was
// decoded from, and the files that it will migrate with.
func planInputs(sys *spec.System, bundle *decode.Bundle, facts plan.Facts) ([]plan.Input, error) {
	var inputs []plan.Input
	for _, i := range bundle.Inputs(facts.Key) {
		inputs = append(inputs, plan.Input(i))
	}
	for _, db := range sys.Databases {
		if db.Migrations == nil || db.Migrations.OnUp == "skip" {
			continue
		}
		files, _ := migration.Files(db.Migrations.Path)
		for _, f := range files {
			content, err := textfile.Read(f.Up, maxPlanFile)
			if err != nil {
				return nil, fmt.Errorf("read migration: %w", err)
			}
			name := f.Up
			if rel, err := filepath.Rel(sys.Dir, f.Up); err == nil && filepath.IsLocal(rel) {
				name = rel
			}
			inputs = append(inputs, plan.NewInput(facts.Key, "migration", name, content))
		}
	}
	return inputs, nil
}

// checkPlanFile builds the plan of a configuration anew and returns it where
// it is that of a plan file. Otherwise the error says what moved. It is to be
// called before this process takes the state directory.
func (s *session) checkPlanFile(ctx context.Context, path string, loaded *decode.Result, bundle *decode.Bundle) (*plan.File, error) {
	again := s.anew("plan", "--out", path)
	data, err := textfile.Read(path, maxPlanFile)
	if err != nil {
		return nil, failWith(fmt.Errorf("read plan file: %w", err), again)
	}
	was, err := plan.DecodeFile(data)
	if errors.Is(err, plan.ErrNoPlanFile) {
		return nil, failWith(fmt.Errorf("%s is no plan file", path), again)
	}
	if err != nil {
		return nil, failWith(fmt.Errorf("read plan file %s: %w", path, err), again)
	}
	more := []string{"--out", path}
	for _, target := range was.Plan.Targets {
		more = append(more, "--target", target)
	}
	if was.Offline {
		more = append(more, "--offline")
	}
	again = s.anew("plan", more...)
	confined, err := parseTargets(was.Plan.Targets)
	if err != nil {
		return nil, failWith(fmt.Errorf("read plan file %s: %w", path, err), again)
	}
	now, err := s.bind(ctx, loaded, bundle, was.Offline, confined)
	if err != nil {
		return nil, err
	}
	if moved := was.Moved(now); len(moved) > 0 {
		return nil, failWith(errors.New(movedText(path, moved)), again)
	}
	return now, nil
}

// movedText says why a plan is not carried out.
func movedText(path string, moved []string) string {
	const most = 20
	var b strings.Builder
	fmt.Fprintf(&b, "the plan in %s holds no longer, so nothing was done. Since it was made, these have moved:", path)
	for i, m := range moved {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(moved)-most)
			break
		}
		b.WriteString("\n  " + m)
	}
	return b.String()
}

// planTarget says whether a plan may be written to a path: where nothing is,
// or an empty file, or another plan. It returns the path without links.
func planTarget(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return "", fmt.Errorf("--out: %s is a link to nowhere", path)
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			return "", fmt.Errorf("--out: there is no directory %s", filepath.Dir(path))
		}
		return path, nil
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("--out: %w", err)
	case info.IsDir():
		return "", fmt.Errorf("--out: %s is a directory: name a file in it", path)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("--out: %s is no regular file", path)
	}
	data, err := textfile.Read(path, maxPlanFile)
	if err != nil {
		return "", fmt.Errorf("--out: %w", err)
	}
	if len(data) > 0 && !plan.IsFile(data) {
		return "", fmt.Errorf("--out: %s is there and no plan file: remove it, or name another file", path)
	}
	return filepath.EvalSymlinks(path)
}

// writePlanFile puts a plan into a file that only its owner can read, whole
// or not at all.
func writePlanFile(path string, f *plan.File) error {
	data, err := f.Encode()
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write plan file: %w", err)
	}
	return nil
}
