package lint

import (
	"encoding/json"
	"errors"
	"sync"

	"github.com/wasilibs/go-pgquery/parser"
)

// Parser makes trees of SQL. It is safe for concurrent use, and parses one
// text at a time: each concurrent call would compile the grammar anew.
type Parser struct {
	// Dir is where trees and findings are kept, by the digest of what they
	// are of; "" is nowhere. A cache that cannot be read or written is as
	// good as none.
	Dir string
	// Loading is called before the grammar is loaded, which takes seconds.
	// Nil is nothing to do.
	Loading func()

	mu     sync.Mutex
	loaded bool // Guarded by mu
	pruned bool // Guarded by mu
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

// parseFile returns the statements of a file. What is wrong with it is a
// *syntaxError.
func (p *Parser) parseFile(text string) ([]rawStatement, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var result parsed
	name := digest(treeFormat, text)
	if !p.recall(name, &result) || result.Error == nil && len(result.Tree) == 0 {
		result = p.load(text)
		p.keep(name, result)
	}
	return result.statements()
}

// parseStatement is parseFile for a part of a file, whose tree is not kept.
func (p *Parser) parseStatement(text string) ([]rawStatement, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.load(text).statements()
}

// load calls the grammar. The caller holds the mutex.
func (p *Parser) load(text string) parsed {
	if !p.loaded && p.Loading != nil {
		p.Loading()
	}
	p.loaded = true
	return parse(text)
}

// statements takes a tree apart.
func (result parsed) statements() ([]rawStatement, error) {
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
