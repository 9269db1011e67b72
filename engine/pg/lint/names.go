package lint

import (
	"regexp"
	"strings"
	"sync"
)

// maxName is how many bytes of a name PostgreSQL keeps (NAMEDATALEN - 1).
const maxName = 63

var plainName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z_][a-z0-9_$]*$`)
})

func quoted(name string) string {
	if plainName().MatchString(name) && !isReserved(name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// isReserved reports whether a word is reserved in PostgreSQL.
func isReserved(word string) bool {
	const words = " all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column " +
		"concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp " +
		"current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having " +
		"ilike in initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not " +
		"notnull null offset on only or order outer overlaps placing primary references returning right select session_user similar some " +
		"symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when where window with "
	return strings.Contains(words, " "+word+" ")
}

// sql is how a relation is written in a statement.
func (r relation) sql() string {
	if r.Schema != "" {
		return quoted(r.Schema) + "." + quoted(r.Name)
	}
	return quoted(r.Name)
}

// list writes names with commas between.
func list(names []string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = quoted(n)
	}
	return strings.Join(all, ", ")
}

// constraintName is the name that PostgreSQL gives a constraint that has
// none.
func constraintName(table string, columns []string, kind string) string {
	table = table[strings.LastIndexByte(table, '.')+1:]
	suffix := map[string]string{
		"CONSTR_CHECK": "check", "CONSTR_FOREIGN": "fkey", "CONSTR_UNIQUE": "key", "CONSTR_PRIMARY": "pkey", "CONSTR_EXCLUSION": "excl",
	}[kind]
	parts := []string{table}
	if kind != "CONSTR_PRIMARY" {
		parts = append(parts, columns...)
	}
	return shorten(strings.Join(append(parts, suffix), "_"))
}

// shorten keeps a name that is made up within what PostgreSQL keeps.
func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	cut := strings.LastIndexByte(name, '_')
	tail := name[cut:]
	return strings.TrimRight(strings.ToValidUTF8(name[:maxName-len(tail)], ""), "_") + tail
}
