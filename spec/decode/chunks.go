package decode

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// chunkSize is about how much of a large file is parsed at once. The parser
// first makes tokens of all that it is given, which take a hundred times the
// room of the text; in pieces, they are gone before the next piece comes.
const chunkSize = 64 << 10

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
		var bodies []hcl.Body
		for _, c := range chunks(src, size) {
			f, diags := hclsyntax.ParseConfig(c.src, name, c.start)
			if diags.HasErrors() {
				bodies = nil
				break
			}
			bodies = append(bodies, f.Body)
		}
		if bodies != nil {
			return bodies, nil
		}
	}
	f, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if f == nil {
		return nil, diags
	}
	return []hcl.Body{f.Body}, diags
}
