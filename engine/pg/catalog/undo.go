package catalog

import (
	"fmt"
	"strings"
)

// undo returns the SQL that takes a difference back, "" where one statement
// cannot, or where it would have to bring data back.
func undo(d Difference) string {
	o := &d.Object
	switch d.Change {
	case Added:
		return drop(o)
	case Removed:
		return create(o)
	}
	if o.Kind == "column" {
		return undoColumn(o, d)
	}
	if d.Attribute == "definition" {
		switch o.Kind {
		case "function", "procedure":
			return end(d.Was)
		case "view":
			return end("CREATE OR REPLACE VIEW " + o.ident() + " AS" + d.Was)
		case "index":
			return drop(o) + "\n" + end(concurrently(d.Was))
		}
	}
	return ""
}

// ident is the complete name of an object that stands in a schema.
func (o *Object) ident() string { return quoted(o.Schema) + "." + quoted(o.Name) }

// table is the complete name of what an object belongs to.
func (o *Object) table() string { return quoted(o.Schema) + "." + quoted(o.On) }

// drop takes away what nothing but its definition is lost with.
func drop(o *Object) string {
	switch o.Kind {
	case "index":
		return "DROP INDEX CONCURRENTLY " + o.ident() + ";"
	case "view", "materialized view", "sequence":
		return "DROP " + strings.ToUpper(o.Kind) + " " + o.ident() + ";"
	case "constraint":
		return "ALTER TABLE " + o.table() + " DROP CONSTRAINT " + quoted(o.Name) + ";"
	case "trigger", "rule", "policy":
		return "DROP " + strings.ToUpper(o.Kind) + " " + quoted(o.Name) + " ON " + o.table() + ";"
	case "function", "procedure", "aggregate":
		return "DROP " + strings.ToUpper(o.Kind) + " " + quoted(o.Schema) + "." + o.Name + ";"
	}
	return ""
}

// create brings back what its definition is all of.
func create(o *Object) string {
	definition := o.Attributes["definition"]
	switch o.Kind {
	case "index":
		return end(concurrently(definition))
	case "constraint":
		return "ALTER TABLE " + o.table() + " ADD CONSTRAINT " + quoted(o.Name) + " " + end(definition)
	case "trigger", "rule", "function", "procedure", "statistics":
		return end(definition)
	case "view", "materialized view":
		return "CREATE " + strings.ToUpper(o.Kind) + " " + o.ident() + " AS" + end(definition)
	}
	return ""
}

func undoColumn(o *Object, d Difference) string {
	alter := fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s ", o.table(), quoted(o.Name))
	switch {
	case d.Attribute == "type":
		return alter + fmt.Sprintf("TYPE %[1]s USING %[2]s::%[1]s;", d.Was, quoted(o.Name))
	case d.Attribute == "not null" && d.Was == "":
		return alter + "DROP NOT NULL;"
	case d.Attribute == "not null":
		return alter + "SET NOT NULL;"
	case d.Attribute == "default" && d.Was == "":
		return alter + "DROP DEFAULT;"
	case d.Attribute == "default":
		return alter + "SET DEFAULT " + d.Was + ";"
	}
	return ""
}

// concurrently makes the definition of an index one that lets others write.
func concurrently(definition string) string {
	for _, begin := range []string{"CREATE UNIQUE INDEX ", "CREATE INDEX "} {
		if rest, ok := strings.CutPrefix(definition, begin); ok && !strings.Contains(rest, " ON ONLY ") {
			return begin + "CONCURRENTLY " + rest
		}
	}
	return definition
}

func end(statement string) string { return strings.TrimRight(statement, "; \n") + ";" }
