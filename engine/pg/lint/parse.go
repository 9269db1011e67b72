package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/wasilibs/go-pgquery/parser"
)

// treeFormat names what is in the cache: it changes with the grammar.
const treeFormat = "pg17-1"

// Parser makes trees of SQL. It is safe for concurrent use, and parses one
// text at a time: each concurrent call would compile the grammar anew.
type Parser struct {
	// Dir is where trees are kept, by the digest of their text; "" is
	// nowhere. A cache that cannot be read or written is as good as none.
	Dir string

	mu     sync.Mutex
	loaded bool // Guarded by mu
}

// Loaded reports whether the grammar had to be loaded.
func (p *Parser) Loaded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.loaded
}

// syntaxError is what PostgreSQL would say of a text, and where.
type syntaxError struct {
	Message string `json:"message"`
	Offset  int    `json:"offset"` // in bytes
}

func (e *syntaxError) Error() string { return e.Message }

// parsed is a text's tree or its mistake, as the cache has it.
type parsed struct {
	Tree  json.RawMessage `json:"tree,omitempty"`
	Error *syntaxError    `json:"error,omitempty"`
}

// parse returns the statements of a text. What is wrong with the text is a
// *syntaxError.
func (p *Parser) parse(text string) ([]rawStatement, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	result, ok := p.recall(text)
	if !ok {
		p.loaded = true
		result = parse(text)
		p.keep(text, result)
	}
	if result.Error != nil {
		return nil, result.Error
	}
	var tree struct {
		Statements []rawStatement `json:"stmts"`
	}
	if err := json.Unmarshal(result.Tree, &tree); err != nil {
		return nil, &syntaxError{Message: "too deeply nested to be looked at"}
	}
	return tree.Statements, nil
}

// parse calls the grammar. A text on which it gives up is a mistake, too.
func parse(text string) (result parsed) {
	defer func() {
		if r := recover(); r != nil {
			result = parsed{Error: &syntaxError{Message: "too deeply nested to be parsed"}}
		}
	}()
	tree, err := parser.ParseToJSON(text)
	if err == nil {
		return parsed{Tree: json.RawMessage(tree)}
	}
	mistake := &syntaxError{Message: err.Error()}
	if e, ok := errors.AsType[*parser.Error](err); ok {
		mistake.Message, mistake.Offset = e.Message, byteOffset(text, e.Cursorpos)
	}
	return parsed{Error: mistake}
}

// byteOffset is where a character stands that PostgreSQL counts from 1.
func byteOffset(text string, character int) int {
	for at := range text {
		if character--; character <= 0 {
			return at
		}
	}
	return len(text)
}

// path is where the cache has the tree of a text.
func (p *Parser) path(text string) string {
	sum := sha256.Sum256([]byte(text))
	return filepath.Join(p.Dir, treeFormat, hex.EncodeToString(sum[:])+".json")
}

// recall returns what the cache has for a text.
func (p *Parser) recall(text string) (result parsed, ok bool) {
	if p.Dir == "" {
		return parsed{}, false
	}
	data, err := os.ReadFile(p.path(text))
	if err != nil {
		return parsed{}, false
	}
	err = json.Unmarshal(data, &result)
	return result, err == nil && (result.Error != nil || len(result.Tree) > 0)
}

// keep puts a tree into the cache. That it cannot is no reason to fail: the
// text is parsed again next time.
func (p *Parser) keep(text string, result parsed) {
	if p.Dir == "" {
		return
	}
	data, err := json.Marshal(result)
	if err == nil {
		err = writeFile(p.path(text), data)
	}
	if err != nil {
		p.Dir = ""
	}
}

// writeFile writes a file whole or not at all, for its owner only: what a
// migration says may be confidential.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep a tree: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tree-*")
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
