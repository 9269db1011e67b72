package roundtrip

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/engine/pg/script"
)

// beyondRE finds what reaches beyond a database: roles, other databases,
// tablespaces and settings belong to the server. It is asked of the text of
// whole statements, so that the body of a DO block is looked at, too, and
// rather finds too much than too little.
var beyondRE = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?is)\b(?:create|alter|drop)\s+(?:role|user|group|database|tablespace|subscription)\b|` +
		`\balter\s+system\b|\b(?:comment|label)\s+on\s+(?:database|tablespace|role)\b|` +
		`\b(?:grant|revoke)\b[^;]*\bon\s+(?:database|tablespace|parameter)\b|` +
		`\b(?:reassign|drop)\s+owned\b|\bdblink|\bto\s+program\b|\bfrom\s+program\b`)
})

// BeyondError says which files reach beyond their database.
type BeyondError struct{ At []string } // path:line: statement

func (e *BeyondError) Error() string {
	return "verify the migrations: on a server that is not thrown away only files can be tried that stay in their database:\n  " +
		strings.Join(e.At, "\n  ") + "\ntry them without --on: then all of the server is thrown away"
}

// withinDatabase refuses files that would change something of the server, or
// of another database in it.
func withinDatabase(files []migration.File) error {
	beyond := new(BeyondError)
	for _, f := range files {
		for _, path := range []string{f.Up, f.Down} {
			if path == "" {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return fmt.Errorf("verify the migrations: %w", err)
			}
			for _, st := range script.Split(string(text)) {
				if beyondRE().MatchString(plainText(st.Text)) || isMembership(st) {
					beyond.At = append(beyond.At, fmt.Sprintf("%s:%d: %s", path, st.Line, firstLine(st.Text)))
				}
			}
		}
	}
	if len(beyond.At) > 0 {
		return beyond
	}
	return nil
}

// isMembership reports whether a statement makes one role a member of another:
// what is granted of an object is granted ON it.
func isMembership(st script.Statement) bool {
	return len(st.Words) > 0 && (st.Words[0] == "grant" || st.Words[0] == "revoke") && !slices.Contains(st.Words, "on")
}

// plainText is a statement with one space for each comment and gap between its
// tokens.
func plainText(text string) string {
	var b strings.Builder
	for t := range script.Tokens(text) {
		b.WriteString(t.Text)
		b.WriteByte(' ')
	}
	return b.String()
}

func firstLine(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if more {
		line += " …"
	}
	return line
}
