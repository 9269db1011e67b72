package view

import (
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// ASCII writes for readers whose characters are not UTF-8: what the views
// draw, and the signs that our sentences have, come as ASCII. Data, such as
// JSON or what a unit wrote, are left as they are: the views write them past
// it, to what Verbatim returns. It is safe for concurrent use.
type ASCII struct {
	w io.Writer

	mu   sync.Mutex
	rest []byte // Guarded by mu. The beginning of a character.
}

// NewASCII returns an ASCII that writes to w.
func NewASCII(w io.Writer) *ASCII { return &ASCII{w: w} }

// WiderBy is how many columns a line may need more in ASCII: an ellipsis has
// three, and a line rarely has more than two.
const WiderBy = 4

// ascii says what stands for each sign.
var ascii = strings.NewReplacer(
	"│", "|", "┃", "!", "╷", "|", "╵", "|", "├", "|", "└", "`", "─", "-",
	"→", ">", "←", "<", "↪", ">", "·", "-", "–", "-", "…", "...", "×", "x", "�", "?",
)

// Write writes text. The beginning of a character at its end waits for the
// rest.
func (a *ASCII) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := append(a.rest, p...)
	whole := len(text)
	for i := max(whole-utf8.UTFMax+1, 0); i < len(text); i++ {
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			whole = i
			break
		}
	}
	a.rest = append([]byte(nil), text[whole:]...)
	if _, err := ascii.WriteString(a.w, string(text[:whole])); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Verbatim returns what it writes to.
func (a *ASCII) Verbatim() io.Writer { return a.w }

// verbatim returns where data go that are written to w, and whether that is
// past an ASCII.
func verbatim(w io.Writer) (io.Writer, bool) {
	if past, ok := w.(interface{ Verbatim() io.Writer }); ok {
		if to := past.Verbatim(); to != nil {
			return to, true
		}
	}
	return w, false
}

// data returns where data go that are written to w.
func data(w io.Writer) io.Writer {
	to, _ := verbatim(w)
	return to
}
