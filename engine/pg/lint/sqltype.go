package lint

import (
	"slices"
	"strconv"
	"strings"
)

// sqlType is a type of a column.
type sqlType struct {
	name  string // as PostgreSQL names it inside: int4, varchar, timestamptz
	mods  []int  // of varchar(20), numeric(10, 2)
	array bool
}

func newType(n typeName) sqlType {
	t := sqlType{name: last(n.Names), array: len(n.Bounds) > 0}
	n.Mods.walk(func(kind string, fields map[string]any) {
		if kind != "ival" {
			return
		}
		if v, ok := fields["ival"].(float64); ok {
			t.mods = append(t.mods, int(v))
		} else {
			t.mods = append(t.mods, 0)
		}
	})
	if t.name == "bpchar" && len(t.mods) == 0 {
		t.mods = []int{1}
	}
	return t
}

// serial reports whether the type is int or so with a sequence.
func (n typeName) serial() bool {
	return slices.Contains([]string{"serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"}, last(n.Names))
}

// String is the type in the words of the manual.
func (t sqlType) String() string {
	name := t.name
	for _, n := range [][2]string{
		{"int2", "smallint"}, {"int4", "integer"}, {"int8", "bigint"}, {"bool", "boolean"}, {"bpchar", "char"},
		{"float4", "real"}, {"float8", "double precision"}, {"timestamptz", "timestamp with time zone"}, {"timetz", "time with time zone"},
		{"serial4", "serial"}, {"serial8", "bigserial"},
	} {
		if name == n[0] {
			name = n[1]
		}
	}
	if len(t.mods) > 0 && t.name != "interval" {
		var mods []string
		for _, m := range t.mods {
			mods = append(mods, strconv.Itoa(m))
		}
		name += "(" + strings.Join(mods, ", ") + ")"
	}
	if t.array {
		name += "[]"
	}
	return name
}

// mod returns the n-th modifier, and -1 where there is none.
func (t sqlType) mod(n int) int {
	if n >= len(t.mods) {
		return -1
	}
	return t.mods[n]
}

// becomes says what PostgreSQL does to change a column's type (see
// ATColumnChangeRequiresRewrite in its tablecmds.c): whether it writes every
// row anew, and whether a value may not fit.
func (t sqlType) becomes(to sqlType) (rewrites, narrows bool) {
	if t.array != to.array {
		return true, false
	}
	wider := func(n int) bool { return to.mod(n) < 0 || t.mod(n) >= 0 && to.mod(n) >= t.mod(n) }
	switch {
	case t.name == to.name && slices.Equal(t.mods, to.mods):
		return false, false
	case to.name == "text" && t.name == "varchar":
		return false, false
	case t.name == "text" && to.name == "varchar":
		return to.mod(0) >= 0, to.mod(0) >= 0
	case t.name == to.name && (t.name == "varchar" || t.name == "varbit"):
		return !wider(0), !wider(0)
	case t.name == to.name && t.name == "bpchar":
		return true, !wider(0)
	case t.name == to.name && t.name == "numeric":
		kept := to.mod(0) < 0 || wider(0) && max(t.mod(1), 0) == max(to.mod(1), 0)
		return !kept, !kept && (to.mod(0) >= 0 && (t.mod(0) < 0 || to.mod(0)-max(to.mod(1), 0) < t.mod(0)-max(t.mod(1), 0)))
	case t.name == to.name && (t.name == "timestamp" || t.name == "timestamptz" || t.name == "time" || t.name == "timetz" || t.name == "interval"):
		return !wider(0), false
	case t.name == "cidr" && to.name == "inet", t.name == "citext" && to.name == "text", t.name == "text" && to.name == "citext":
		return false, false
	}
	return true, t.narrows(to)
}

// incomparable reports whether values of the type have no equality that
// DISTINCT, UNION and GROUP BY could use.
func (t sqlType) incomparable() bool {
	return slices.Contains([]string{"json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle"}, t.name)
}

// narrows reports whether a value of one type may not be one of another.
func (t sqlType) narrows(to sqlType) bool {
	rank := map[string]int{"int2": 1, "int4": 2, "int8": 3, "numeric": 4, "float4": 4, "float8": 5}
	from, into := rank[t.name], rank[to.name]
	if from > 0 && into > 0 {
		return into < from
	}
	return to.name != "text" && (t.name == "text" || t.name == "varchar" || t.name == "bpchar" || to.name == "varchar" && to.mod(0) >= 0)
}

// volatileFunctions give each row another value. What is neither here nor
// made by a migration is taken to be stable.
var volatileFunctions = []string{
	"clock_timestamp", "gen_random_bytes", "gen_random_uuid", "gen_salt", "lastval", "nextval", "random", "random_normal",
	"timeofday", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "uuidv4", "uuidv7",
}

// volatile returns the first function in an expression that is volatile.
func (s *schema) volatile(expr tree) string {
	var found []string
	expr.walk(func(kind string, fields map[string]any) {
		if kind != "FuncCall" {
			return
		}
		names := stringsOf(fields["funcname"])
		name := last2(names)
		f := s.functions[name]
		if f != nil && f.volatile || f == nil && slices.Contains(volatileFunctions, name) {
			found = append(found, name)
		}
	})
	slices.Sort(found)
	if len(found) == 0 {
		return ""
	}
	return found[0]
}
