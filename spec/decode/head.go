package decode

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// headWord begins the syndicate block.
const headWord = "syndicate"

// headPiece cuts the syndicate block out of a file of the native syntax. An
// empty piece says that the file has none. Where a look does not tell for
// sure, ok is false.
func headPiece(src []byte) (piece chunk, ok bool) {
	starts, within := headWords(src)
	if len(starts) == 0 {
		return chunk{start: hcl.InitialPos}, !within
	}
	at := starts[0]
	before, rest := src[:at], src[at:]
	end := bytes.Index(rest, []byte("\n}"))
	name, isBlock := bytes.CutPrefix(rest, []byte(headWord))
	if len(starts) > 1 || !isBlock || !opens(name, " \t") || end < 0 ||
		bytes.Contains(before, []byte("<<")) || bytes.Contains(before, []byte("/*")) {
		return chunk{}, false
	}
	pos := hcl.Pos{Line: 1 + bytes.Count(before, []byte{'\n'}), Column: 1, Byte: at}
	return chunk{rest[:end+len("\n}")], pos}, true
}

// headWords finds the lines that begin with headWord, and whether it may
// begin a block within a line.
func headWords(src []byte) (lines []int, within bool) {
	for from := 0; ; {
		i := bytes.Index(src[from:], []byte(headWord))
		if i < 0 {
			return lines, within
		}
		at := from + i
		from = at + len(headWord)
		line := bytes.TrimRight(src[:at], " \t")
		switch {
		case len(line) == 0 || line[len(line)-1] == '\n':
			if from == len(src) || !wordByte(src[from]) {
				lines = append(lines, len(line))
			}
		case !wordByte(src[at-1]) && opens(src[from:], " \t\""):
			within = true
		}
	}
}

// opens reports whether a bracket follows, behind what may stand before it.
func opens(text []byte, between string) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, between), []byte("{"))
}

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
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
