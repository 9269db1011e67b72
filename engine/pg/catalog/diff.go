package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Change says in which way an object differs.
type Change string

// What can differ.
const (
	Added   Change = "added"   // only the later catalog has it
	Removed Change = "removed" // only the earlier one has it
	Changed Change = "changed" // both have it, and an attribute differs
)

// Difference is one between two catalogs.
type Difference struct {
	Change    Change `json:"change"`
	Object    Object `json:"object"`              // the later one, unless it was removed
	Attribute string `json:"attribute,omitempty"` // of Changed
	Was       string `json:"was,omitempty"`       // "" : none
	Is        string `json:"is,omitempty"`
}

// columnOrder is an attribute that PostgreSQL offers no way to mend: a column
// that was dropped comes back as the last one.
const columnOrder = "column order"

// Minor reports whether the difference concerns only what no statement can
// set right, and what hardly anything depends on.
func (d Difference) Minor() bool { return d.Attribute == columnOrder }

// Say makes a sentence, with the verbs for what was added and what was
// removed: "index users_email_idx is left behind".
func (d Difference) Say(added, removed string) string {
	switch d.Change {
	case Added:
		return d.Object.String() + " " + added
	case Removed:
		return d.Object.String() + " " + removed
	}
	if d.Minor() {
		return fmt.Sprintf("%s: %s out of place among the columns", &d.Object, quote(moved(d.Was, d.Is)))
	}
	was, is := said(d.Was, d.Is)
	return fmt.Sprintf("%s: %s was %s, is %s", &d.Object, d.Attribute, was, is)
}

// String says it without knowing what happened between the two.
func (d Difference) String() string { return d.Say("is there now", "is gone") }

// longest is how much of a value a sentence quotes.
const longest = 120

// said shortens two values to what tells them apart.
func said(was, is string) (string, string) {
	switch {
	case was == "true" && is == "":
		return "set", "not"
	case was == "" && is == "true":
		return "not set", "set"
	}
	before, after := strings.Split(was, "\n"), strings.Split(is, "\n")
	if len(before) > 1 || len(after) > 1 {
		n := 0
		for n < min(len(before), len(after)) && before[n] == after[n] {
			n++
		}
		was, is = line(before, n), line(after, n)
	}
	return quote(was), quote(is)
}

// line returns the nth line of a definition, without its margin.
func line(lines []string, n int) string {
	if n >= len(lines) {
		return "at its end"
	}
	return fmt.Sprintf("in line %d %q", n+1, strings.TrimSpace(lines[n]))
}

func quote(value string) string {
	if value == "" {
		return "none"
	}
	if runes := []rune(value); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return value
}

// Diff returns how to differs from from, in the order of the objects. What
// belongs to a table that is there or gone as a whole is not told apart.
func Diff(from, to *Catalog) []Difference {
	before, after := index(from), index(to)
	var all []Difference
	for i := range from.Objects {
		old := &from.Objects[i]
		if after[old.key()] == nil && !parted(old, before, after) {
			all = append(all, Difference{Change: Removed, Object: *old})
		}
	}
	for i := range to.Objects {
		now := &to.Objects[i]
		old := before[now.key()]
		if old != nil {
			all = append(all, compare(old, now)...)
		} else if !parted(now, after, before) {
			all = append(all, Difference{Change: Added, Object: *now})
		}
	}
	slices.SortStableFunc(all, func(a, b Difference) int { return a.Object.key().compare(b.Object.key()) })
	return all
}

func index(c *Catalog) map[key]*Object {
	all := make(map[key]*Object, len(c.Objects))
	for i := range c.Objects {
		all[c.Objects[i].key()] = &c.Objects[i]
	}
	return all
}

// relations are the kinds of objects that others belong to.
var relations = []string{"table", "view", "materialized view", "foreign table", "type", "domain"}

// parted reports whether an object that only one catalog has belongs to
// something that only that one has.
func parted(o *Object, with, without map[key]*Object) bool {
	lacks := func(k key) bool { return with[k] != nil && without[k] == nil }
	if o.On != "" {
		return slices.ContainsFunc(relations, func(kind string) bool {
			return lacks(key{schema: o.Schema, kind: kind, name: o.On})
		})
	}
	owner := strings.Split(o.Attributes["owned by"], ".")
	if o.Kind != "sequence" || len(owner) != 3 {
		return false
	}
	schema, table, column := unquoted(owner[0]), unquoted(owner[1]), unquoted(owner[2])
	return lacks(key{schema, table, "column", column}) || lacks(key{schema: schema, kind: "table", name: table})
}

func unquoted(name string) string {
	if inner, ok := strings.CutPrefix(name, `"`); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
	}
	return name
}

// compare returns how one object differs from what it was.
func compare(was, is *Object) []Difference {
	names := slices.AppendSeq(slices.Collect(maps.Keys(was.Attributes)), maps.Keys(is.Attributes))
	slices.Sort(names)
	var all []Difference
	for _, name := range slices.Compact(names) {
		before, after := was.Attributes[name], is.Attributes[name]
		if before == after || name == columnOrder && sameOrder(before, after) {
			continue
		}
		all = append(all, Difference{Change: Changed, Object: *is, Attribute: name, Was: before, Is: after})
	}
	return all
}

// moved returns the fewest columns without which two orders are the same.
func moved(before, after string) string {
	was, is := strings.Split(before, ", "), strings.Split(after, ", ")
	// longest[i][j] is how many columns was[i:] and is[j:] have in one order.
	longest := make([][]int, len(was)+1)
	for i := range longest {
		longest[i] = make([]int, len(is)+1)
	}
	for i := len(was) - 1; i >= 0; i-- {
		for j := len(is) - 1; j >= 0; j-- {
			longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			if was[i] == is[j] {
				longest[i][j] = 1 + longest[i+1][j+1]
			}
		}
	}
	var names []string
	for i, j := 0, 0; j < len(is); {
		switch {
		case i < len(was) && was[i] == is[j]:
			i, j = i+1, j+1
		case i < len(was) && longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			if slices.Contains(was, is[j]) {
				names = append(names, is[j])
			}
			j++
		}
	}
	return strings.Join(names, ", ")
}

// sameOrder reports whether the columns that two lists share stand in the
// same order in both: of a column that came or went the column itself tells.
func sameOrder(before, after string) bool {
	was, is := strings.Split(before, ", "), strings.Split(after, ", ")
	was = slices.DeleteFunc(was, func(name string) bool { return !slices.Contains(is, name) })
	is = slices.DeleteFunc(is, func(name string) bool { return !slices.Contains(was, name) })
	return slices.Equal(was, is)
}
