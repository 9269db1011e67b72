package server

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/plan"
)

// object is a JSON object; encoding sorts its names.
type object map[string]any

// OpenAPI returns the description of the interface, in the form of OpenAPI
// 3.1: made of the table of routes and of the types of their bodies.
func OpenAPI() any {
	d := &describer{schemas: object{}, names: map[string]reflect.Type{}}
	paths := object{}
	for _, to := range table() {
		paths[to.path] = object{strings.ToLower(to.method): d.operation(to)}
	}
	d.schema(reflect.TypeOf(api.Problem{}))
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title":   "syndicate",
			"version": api.FormatVersion,
			"description": "The control interface of a running system. It is answered on the Unix socket " + api.SocketName +
				" in the state directory, for the engine's own user and root, and over TCP where syndicate.http is declared.\n\n" +
				"A stream consists of server-sent events. The data of each is one JSON object, as the schema of the stream's contents has it. " +
				"The last event is one of the type end, or one of the type problem with a Problem; " +
				"a stream without either was cut off. While nothing happens a comment comes every " + strconv.Itoa(int(api.Heartbeat.Seconds())) + " seconds. " +
				"The header " + api.VersionHeader + " names the version of the objects.",
		},
		"security": []any{object{"token": []any{}}, object{"cookie": []any{}}},
		"paths":    paths,
		"components": object{
			"schemas": d.schemas,
			"securitySchemes": object{
				"token":  object{"type": "http", "scheme": "bearer", "description": "Over TCP only: the token of syndicate.http."},
				"cookie": object{"type": "apiKey", "in": "cookie", "name": cookieName, "description": "What a browser has after it used a login link."},
			},
		},
	}
}

// describer collects the schemas of types.
type describer struct {
	schemas object
	names   map[string]reflect.Type
}

// operation describes one route.
func (d *describer) operation(to route) object {
	op := object{
		"summary":     to.summary,
		"operationId": strings.Trim(strings.NewReplacer("/v1/", "", "/", "", ".", "_").Replace(to.path), "_"),
		"responses": object{
			"200": object{"description": "As asked.", "content": object{strings.Split(to.media, ";")[0]: object{"schema": d.content(to)}}},
			"default": object{"description": "What is wrong.", "content": object{
				api.ProblemType: object{"schema": reference("Problem")},
			}},
		},
	}
	if to.open {
		op["security"] = []any{}
	}
	var params []any
	for _, p := range to.params {
		schema := object{"type": p.kind}
		if p.kind == "integer" {
			schema["minimum"] = 0
		}
		if p.many {
			schema = object{"type": "array", "items": schema}
		}
		params = append(params, object{"name": p.name, "in": "query", "description": p.text, "schema": schema})
	}
	if params != nil {
		op["parameters"] = params
	}
	switch {
	case to.body != nil:
		op["requestBody"] = object{"content": object{to.bodyType: object{"schema": d.schema(reflect.TypeOf(to.body))}}}
	case to.bodyType != "":
		op["requestBody"] = object{"required": true, "content": object{to.bodyType: object{"schema": object{}}}}
	}
	return op
}

// content describes what a route answers with.
func (d *describer) content(to route) object {
	if to.answer == nil {
		return object{"type": "string"}
	}
	schema := d.schema(reflect.TypeOf(to.answer))
	if to.media != streamType {
		return schema
	}
	return object{
		"type": "string", "description": "Server-sent events, the data of each as described here.",
		"contentMediaType": jsonType, "contentSchema": schema,
	}
}

func reference(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// schema describes a type. Those with a name of ours stand among the
// components.
func (d *describer) schema(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return object{}
	case reflect.TypeFor[[]byte]():
		return object{"type": "string", "contentEncoding": "base64"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.schema(t.Elem())
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Slice, reflect.Array:
		return object{"type": "array", "items": d.schema(t.Elem())}
	case reflect.Map:
		s := object{"type": "object"}
		if t.Elem().Kind() != reflect.Interface {
			s["additionalProperties"] = d.schema(t.Elem())
		}
		return s
	case reflect.Struct:
		return d.structure(t)
	}
	return object{}
}

// structure describes a struct, once.
func (d *describer) structure(t reflect.Type) object {
	name := componentName(t)
	if _, known := d.names[name]; known {
		return reference(name)
	}
	d.names[name] = t
	properties, required := object{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous || tag == "-" {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		properties[tag] = d.field(f)
		if !strings.Contains(options, "omit") {
			required = append(required, tag)
		}
	}
	s := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		slices.Sort(required)
		s["required"] = required
	}
	d.schemas[name] = s
	return reference(name)
}

// field describes a field, with what its tags say.
func (d *describer) field(f reflect.StructField) object {
	s := maps.Clone(d.schema(f.Type))
	if doc := f.Tag.Get("doc"); doc != "" {
		s["description"] = doc
	}
	if choices := f.Tag.Get("enum"); choices != "" {
		s["enum"] = strings.Split(choices, ",")
	}
	return s
}

// componentName names a struct: those of the plan by where they are from,
// since their names may be another's.
func componentName(t reflect.Type) string {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if t.PkgPath() == reflect.TypeFor[plan.Running]().PkgPath() && !strings.Contains(name, "Running") {
		name = "Plan" + name
	}
	return name
}
