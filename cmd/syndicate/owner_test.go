package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/api/client"
)

// Who may not use another user's system is told the command as that user.
func TestTheCommandOfAnotherUser(t *testing.T) {
	dir := t.TempDir()
	named := filepath.Join(dir, "named")
	refusal := func(path string) error {
		return fmt.Errorf("look: %w", &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission})
	}
	owner := os.Geteuid()
	for what, c := range map[string]struct {
		err  error
		me   int
		want bool
	}{
		"a state directory":             {refusal(filepath.Join(dir, ".syndicate", "x", "state.db")), owner + 1, true},
		"one that is named":             {refusal(filepath.Join(named, "state.db")), owner + 1, true},
		"an engine":                     {fmt.Errorf("ask: %w", &client.ForbiddenError{StateDir: named}), owner + 1, true},
		"one's own":                     {refusal(filepath.Join(dir, ".syndicate")), owner, false},
		"root":                          {refusal(filepath.Join(dir, ".syndicate")), 0, false},
		"a file of no state directory":  {refusal(filepath.Join(dir, "main.hcl")), owner + 1, false},
		"an error of another kind":      {fs.ErrPermission, owner + 1, false},
		"a path that is there, no more": {&fs.PathError{Op: "open", Path: filepath.Join(named, "x"), Err: fs.ErrNotExist}, owner + 1, false},
	} {
		s := &session{stateDir: named}
		if _, err := s.leading([]string{"-f", "x.hcl", "status"}); err != nil {
			t.Fatal(err)
		}
		got := s.byOwner(c.err, c.me)
		if (got != "") != c.want || c.want && (!strings.HasPrefix(got, "sudo ") || !strings.HasSuffix(got, " syndicate -f x.hcl status")) {
			t.Errorf("%s: %q", what, got)
		}
	}
}
