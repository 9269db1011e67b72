package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syndicate/syndicate/view"
)

// starter is what init writes: it validates and runs where nothing is
// installed but a POSIX shell.
//
//go:embed starter.hcl
var starter []byte

// initCmd writes a configuration to start from.
type initCmd struct {
	Path string `arg:"" optional:"" name:"path" help:"The file to write, NAME.hcl, or the directory to write main.hcl in, which is made if need be; by default the current one." completion-predictor:"path"`
}

// Run writes it, and never over anything.
func (c *initCmd) Run(s *session) error {
	path, err := s.path(c.Path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	switch ext := filepath.Ext(filepath.Base(path)); {
	case err == nil && info.IsDir():
		path = filepath.Join(path, "main.hcl")
	case errors.Is(err, fs.ErrNotExist) && ext == "":
		if err := os.MkdirAll(path, 0o777); err != nil {
			return fmt.Errorf("make the directory %s: %w", path, reason(err))
		}
		path = filepath.Join(path, "main.hcl")
	case ext != ".hcl":
		return usage("%s: name a directory, or a file that is called NAME.hcl", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist):
		return failWith(fmt.Errorf("%s exists already, and is left as it is", path), s.command("validate", path))
	case err != nil:
		return fmt.Errorf("write %s: %w", path, reason(err))
	}
	if _, err := f.Write(starter); err != nil {
		_ = f.Close()
		_ = os.Remove(path)
		return fmt.Errorf("write %s: %w", path, reason(err))
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, reason(err))
	}
	if s.quiet {
		return nil
	}
	return view.Started(s.stdout, path, s.command("validate", path), s.command("up", path))
}
