package decode

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// These find the syndicate block by its look.
var (
	headStart = regexp.MustCompile(`(?m)^[ \t]*syndicate\b`)
	headBlock = regexp.MustCompile(`^syndicate[ \t]*\{`)
	headWord  = regexp.MustCompile(`\bsyndicate[ \t"]*\{`)
)

// headPiece cuts the syndicate block out of a file of the native syntax. An
// empty piece says that the file has none. Where a look does not tell for
// sure, ok is false.
func headPiece(src []byte) (piece chunk, ok bool) {
	starts := headStart.FindAllIndex(src, 2)
	if len(starts) == 0 {
		return chunk{start: hcl.InitialPos}, !headWord.Match(src)
	}
	at := starts[0][0]
	before, rest := src[:at], src[at:]
	end := bytes.Index(rest, []byte("\n}"))
	if len(starts) > 1 || !headBlock.Match(rest) || end < 0 ||
		bytes.Contains(before, []byte("<<")) || bytes.Contains(before, []byte("/*")) {
		return chunk{}, false
	}
	pos := hcl.Pos{Line: 1 + bytes.Count(before, []byte{'\n'}), Column: 1, Byte: at}
	return chunk{rest[:end+len("\n}")], pos}, true
}

// parseHead parses what of a file the syndicate block may stand in: commands
// that need nothing else need not parse thousands of blocks.
func (l *loader) parseHead(path, name string) ([]hcl.Body, bool) {
	if info, err := l.fs.Stat(path); err != nil || info.Size() > maxFile {
		return l.parse(path, name)
	}
	src, err := l.fs.ReadFile(path)
	if err != nil {
		return l.parse(path, name)
	}
	if strings.HasSuffix(path, ".json") {
		if bytes.Contains(src, []byte(`syndicate"`)) || bytes.ContainsRune(src, '\\') {
			return l.parse(path, name)
		}
		return nil, true
	}
	piece, ok := headPiece(src)
	if !ok || guardText(name, piece.src, piece.start, configText).HasErrors() {
		return l.parse(path, name)
	}
	f, diags := hclsyntax.ParseConfig(piece.src, name, piece.start)
	if diags.HasErrors() {
		return l.parse(path, name)
	}
	l.sources[name] = src
	return []hcl.Body{f.Body}, true
}
