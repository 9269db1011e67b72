package migration

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/engine/pg/script"
)

// PostgreSQL and the tokenizer agree how many statements a text has, where
// they end, and that each is whole.
func TestSplitAgreesWithPostgreSQL(t *testing.T) {
	to := pgtest.Database(t)
	conn := pgtest.Dial(t, to)
	pieces := []string{
		"'a;b'", "'a''; b'", "E'a\\'; b'", "E'a\\\\'", "$$ ; ' $$", "$x$ $$ ; $y$ $x$", "U&'\\0061;'", "B'01'", "1", "(select 1)",
		"'a'\n  'b;'", "E'a'\n'\\';'", "1 /* ; /* ; */ ' */", "2 -- ; '\n", "1 as \"a;\"\"b\"", "case when true then 1 end",
		"1 as a$b$c", "array[1, 2]", "1e3", ".5", "-1", "N'x;'",
	}
	gaps := []string{" ", "\n", " -- ; $$\n", "/* ; */", "\t/* 'a */\n"}
	rapid.Check(t, func(rt *rapid.T) {
		count := rapid.IntRange(1, 5).Draw(rt, "statements")
		var b strings.Builder
		for range count {
			gap := func() string { return rapid.SampledFrom(gaps).Draw(rt, "gap") }
			b.WriteString(gap() + "select" + gap() + rapid.SampledFrom(pieces).Draw(rt, "piece") + gap() + ";")
			if rapid.Bool().Draw(rt, "empty") {
				b.WriteString(gap() + ";" + gap())
			}
		}
		text := b.String()
		results := conn.PgConn().Exec(t.Context(), text)
		server := 0
		for results.NextResult() {
			if _, err := results.ResultReader().Close(); err == nil {
				server++
			}
		}
		if err := results.Close(); err != nil {
			rt.Fatalf("%q: %v", text, err)
		}
		statements := script.Split(text)
		if len(statements) != server || server != count {
			rt.Fatalf("%q: %d statements, PostgreSQL has %d", text, len(statements), server)
		}
		for _, st := range statements {
			if _, err := conn.PgConn().Exec(t.Context(), st.Text).ReadAll(); err != nil {
				rt.Fatalf("%q is no statement: %v", st.Text, err)
			}
		}
		if err := script.Check(text); err != nil {
			rt.Fatalf("%q: %v", text, err)
		}
	})
}
