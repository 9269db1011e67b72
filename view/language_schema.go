package view

import (
	"io"
	"strings"
)

// object is a JSON object.
type object = map[string]any

// JSONSchema writes a JSON Schema (draft 2020-12) of configurations in JSON,
// for editors. Every value may also be a template, which is a string.
func (l Language) JSONSchema(w io.Writer) error {
	blocks := definitions{"template": object{
		"type": "string", "pattern": `[$%]\{`,
		"description": "A template: its value is computed, such as ${service.api.url}.",
	}}
	schema := blocks.body("", Block{Blocks: l.Blocks})
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "A syndicate configuration"
	schema["$defs"] = blocks
	return writeJSON(w, schema)
}

// definitions are the schemas that others refer to: what stands inside each
// block, by the path that `syndicate schema` takes.
type definitions object

// body is the schema of what stands inside a block.
func (d definitions) body(path string, b Block) object {
	properties, required := object{}, []string{}
	for _, a := range b.Arguments {
		properties[a.Name] = argument(a)
		if a.Required {
			required = append(required, a.Name)
		}
	}
	for _, block := range b.Blocks {
		properties[block.Name] = d.nested(strings.TrimPrefix(path+"."+block.Name, "."), block)
		if block.Required {
			required = append(required, block.Name)
		}
	}
	schema := object{"type": "object", "properties": properties, "additionalProperties": b.Open}
	properties["//"] = object{"description": "A comment."}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

// nested is the schema of a block: in JSON a body or a list of bodies, below
// the label where there is one.
func (d definitions) nested(path string, b Block) object {
	d[path] = d.body(path, b)
	inner := object{"$ref": "#/$defs/" + path}
	one := object{"anyOf": []any{inner, object{"type": "array", "items": inner}}}
	if b.Label == "" {
		one["description"] = b.Doc + later(b.Later)
		return one
	}
	byLabel := object{
		"type":                 "object",
		"properties":           object{"//": object{"description": "A comment."}},
		"additionalProperties": one,
	}
	return object{
		"description": b.Doc + later(b.Later),
		"anyOf":       []any{byLabel, object{"type": "array", "items": byLabel}},
	}
}

// argument is the schema of a value.
func argument(a Argument) object {
	schema := valueType(a.Type)
	if len(a.Enum) > 0 {
		schema = object{"enum": a.Enum}
	}
	out := object{"description": a.Doc + later(a.Later)}
	alternatives := []any{schema, object{"type": "null"}, object{"$ref": "#/$defs/template"}}
	if len(schema) == 0 {
		return out // anything
	}
	out["anyOf"] = alternatives
	if a.Default != "" {
		out["description"] = out["description"].(string) + " Default: " + a.Default + "."
	}
	return out
}

// valueType is the schema of a type's word in the language.
func valueType(word string) object {
	text := object{"type": "string"}
	template := object{"$ref": "#/$defs/template"}
	if inner, ok := strings.CutPrefix(word, "list("); ok {
		item := valueType(strings.TrimSuffix(inner, ")"))
		return object{"type": "array", "items": object{"anyOf": []any{item, template}}}
	}
	if inner, ok := strings.CutPrefix(word, "map("); ok {
		item := valueType(strings.TrimSuffix(inner, ")"))
		return object{"type": "object", "additionalProperties": object{"anyOf": []any{item, template, object{"type": "null"}}}}
	}
	if strings.HasPrefix(word, "list of ") {
		return object{"type": "array", "items": text}
	}
	switch word {
	case "bool":
		return object{"enum": []any{true, false, "true", "false"}}
	case "int":
		return object{"anyOf": []any{object{"type": "integer"}, object{"type": "string", "pattern": `^-?[0-9]+$`}}}
	case "number":
		return object{"anyOf": []any{object{"type": "number"}, object{"type": "string", "pattern": `^-?[0-9.]+$`}}}
	case "duration":
		return object{"type": "string", "pattern": `^([0-9.]+(ns|us|ms|s|m|h|d))+$`}
	case "size":
		return object{"type": "string", "pattern": `^[0-9.]+([kMGT]i?)?B$`}
	case "share":
		return object{"type": "string", "pattern": `^[0-9.]+%$`}
	case "port":
		return object{"anyOf": []any{
			object{"type": "integer", "minimum": 1, "maximum": 65535},
			object{"enum": []any{"auto"}}, object{"type": "string", "pattern": `^[0-9]+$`}}}
	case "port or host:port":
		return object{"anyOf": []any{object{"type": "integer"}, text}}
	case "command":
		return object{"anyOf": []any{text, object{"type": "array", "items": object{"type": []any{"string", "number", "boolean"}}}}}
	case "string", "name", "path", "regexp", "signal", "cron", "host:port", "size rate", "metric",
		"address of a database", "address of a queue":
		return text
	}
	return object{}
}
