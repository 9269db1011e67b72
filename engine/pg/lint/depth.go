package lint

import (
	"strings"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// maxDepth is how deeply a statement may be nested. Far behind it the
// grammar, which has a small stack in WebAssembly, does not come back.
const maxDepth = 150

// depth estimates how deeply the trees of a text will be nested: by
// parentheses, by chains of operators, each of which holds what is before it,
// and by chains of UNION. It rather says too much.
func depth(text string) int {
	type level struct{ chain, sets int }
	levels := []level{{}}
	deepest, sum := 0, 0
	for t := range script.Tokens(text) {
		top := &levels[len(levels)-1]
		switch {
		case t.Text == "(" || t.Text == "[":
			levels = append(levels, level{chain: 1})
			sum++
		case t.Text == ")" || t.Text == "]":
			if len(levels) > 1 {
				sum -= top.chain + top.sets
				levels = levels[:len(levels)-1]
			}
		case t.Text == ";":
			levels, sum = []level{{}}, 0
		case t.Text == ",":
			sum -= top.chain
			top.chain = 0
		case t.Kind == script.Symbol && strings.Contains("+-*/<>=~!@#%^&|`?:", t.Text):
			top.chain++
			sum++
		case t.Kind == script.Word:
			switch word := strings.ToLower(t.Text); word {
			case "not", "case", "is", "isnull", "notnull", "collate", "at", "join", "array":
				top.chain++
				sum++
			case "union", "intersect", "except":
				sum -= top.chain
				top.chain = 0
				top.sets++
				sum++
			}
		}
		deepest = max(deepest, sum)
	}
	return deepest
}
