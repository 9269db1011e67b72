package decode

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// chunkSize is about how much of a large file is parsed at once. The parser
// first makes tokens of all that it is given, which take a hundred times the
// room of the text; in pieces, they are gone before the next piece comes, and
// every processor can take one. Small pieces, since a list of tokens that has
// grown long has been copied often.
const chunkSize = 2 << 10

// chunk is a piece of a file, with where it begins.
type chunk struct {
	src   []byte
	start hcl.Pos
}

// chunks cuts a file of more than size bytes before lines that look like the header of a block
// after the end of another. The cut may be wrong, inside of a heredoc, a
// comment or a bracket that stays open; but then the piece before it is not
// closed, and does not parse.
func chunks(src []byte, size int) []chunk {
	var out []chunk
	pos := hcl.InitialPos
	for len(src) > 0 {
		n := len(src)
		if n > size {
			if i := bytes.Index(src[size:], []byte("\n}\n")); i >= 0 {
				n = size + i + len("\n}\n")
			}
		}
		out = append(out, chunk{src[:n], pos})
		pos.Byte += n
		pos.Line += bytes.Count(src[:n], []byte{'\n'})
		src = src[n:]
	}
	return out
}

// parseNative parses a file of the native syntax. One that has many times the
// size of a piece comes back in several bodies, in order.
func parseNative(src []byte, name string, size int) ([]hcl.Body, hcl.Diagnostics) {
	if len(src) > 2*size {
		if bodies := parseChunks(chunks(src, size), name); bodies != nil {
			return bodies, nil
		}
	}
	body, diags := parseBody(chunk{src, hcl.InitialPos}, name)
	if body == nil {
		return nil, diags
	}
	return []hcl.Body{body}, diags
}

// parseBody parses one piece. Its body may be partial where it has mistakes.
func parseBody(piece chunk, name string) (hcl.Body, hcl.Diagnostics) {
	if body := parsePlain(piece.src, name, piece.start); body != nil {
		return body, nil
	}
	f, diags := hclsyntax.ParseConfig(piece.src, name, piece.start)
	if f == nil {
		return nil, diags
	}
	return f.Body, diags
}

// parseChunks parses the pieces of a file, as many at a time as there are
// processors. It returns nil where one of them does not parse.
func parseChunks(pieces []chunk, name string) []hcl.Body {
	bodies := make([]hcl.Body, len(pieces))
	var next atomic.Int64
	var failed atomic.Bool
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(pieces)) {
		workers.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(pieces) {
					return
				}
				body, diags := parseBody(pieces[i], name)
				if diags.HasErrors() {
					failed.Store(true)
					return
				}
				bodies[i] = body
			}
		})
	}
	workers.Wait()
	if failed.Load() {
		return nil
	}
	return bodies
}
