package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// treeFormat names the grammar that trees are of.
const treeFormat = "tree pg17"

// keepFor is how long the cache has something.
const keepFor = 30 * 24 * time.Hour

// digest is a name for what is made of parts.
func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// recall reads what the cache has under a name.
func (p *Parser) recall(name string, into any) bool {
	if p.Dir == "" {
		return false
	}
	data, err := os.ReadFile(filepath.Join(p.Dir, name+".json"))
	return err == nil && json.Unmarshal(data, into) == nil
}

// keep puts something into the cache. That it cannot is no reason to fail:
// it is made anew next time. The first of a process takes away what is old.
func (p *Parser) keep(name string, v any) {
	if p.Dir == "" {
		return
	}
	data, err := json.Marshal(v)
	if err == nil {
		err = writeFile(filepath.Join(p.Dir, name+".json"), data)
	}
	if err != nil {
		p.Dir = ""
		return
	}
	if !p.pruned {
		p.pruned = true
		prune(p.Dir, time.Now().Add(-keepFor))
	}
}

// prune removes what is older than a moment.
func prune(dir string, before time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// writeFile writes a file whole or not at all, for its owner only: what a
// migration says may be confidential.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep a tree: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("keep a tree: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("keep a tree: %w", err)
	}
	return nil
}

// program names this version of the rules: the program that has them.
func program() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(path, info.Size(), info.ModTime().UnixNano())
}

// name is that of the findings of what is looked at, "" where they cannot be
// kept.
func (cfg Config) name() string {
	id := program()
	what, err := json.Marshal(cfg)
	if id == "" || err != nil {
		return ""
	}
	return digest("findings", id, string(what))
}
