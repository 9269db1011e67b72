package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strings"
)

// Catalog is the schema of one database: its objects, ordered by schema,
// table, kind and name.
type Catalog struct {
	Objects []Object `json:"objects"`
}

// Object is one thing that a schema is made of: a table, a column, an index.
type Object struct {
	Kind   string `json:"kind"`             // in PostgreSQL's words: "materialized view"
	Schema string `json:"schema,omitempty"` // "" for what stands in none, such as an extension
	On     string `json:"on,omitempty"`     // the table, view or type that it belongs to
	Name   string `json:"name"`             // of a function with the types of its arguments
	// Attributes are what it is like, by name; what is PostgreSQL's default
	// is left out.
	Attributes map[string]string `json:"attributes,omitempty"`
}

// key tells objects apart.
type key struct{ schema, on, kind, name string }

func (o *Object) key() key { return key{o.Schema, o.On, o.Kind, o.Name} }

func (k key) compare(other key) int {
	return cmp.Or(
		strings.Compare(k.schema, other.schema), strings.Compare(k.on, other.on),
		strings.Compare(k.kind, other.kind), strings.Compare(k.name, other.name),
	)
}

// String names the object as a person would: "column users.age". The schema
// public is left out.
func (o *Object) String() string {
	var parts []string
	if o.Schema != "" && o.Schema != "public" && o.Kind != "schema" && o.Kind != "comment" {
		parts = append(parts, quoted(o.Schema))
	}
	switch o.Kind {
	case "column", "constraint", "trigger", "rule", "policy", "domain constraint":
		parts = append(parts, quoted(o.On), quoted(o.Name))
	case "comment":
		return "comment on " + strings.TrimPrefix(strings.Replace(o.Name, " public.", " ", 1), "table ")
	case "table", "view", "materialized view", "foreign table", "sequence", "index", "schema", "type", "domain", "extension":
		parts = append(parts, quoted(o.Name))
	default:
		parts = append(parts, o.Name)
	}
	return o.Kind + " " + strings.Join(parts, ".")
}

// quoted writes a name as SQL would have to.
func quoted(name string) string {
	plain := name != ""
	for i, r := range name {
		if !('a' <= r && r <= 'z' || r == '_' || i > 0 && ('0' <= r && r <= '9' || r == '$')) {
			plain = false
		}
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Fingerprint is a SHA-256, in hexadecimal digits.
type Fingerprint string

// Fingerprint returns the one of all objects together.
func (c *Catalog) Fingerprint() Fingerprint {
	h := sha256.New()
	for i := range c.Objects {
		c.Objects[i].hash(h)
	}
	return Fingerprint(hex.EncodeToString(h.Sum(nil)))
}

// Fingerprint returns the one of the object alone, without what belongs to
// it: that of a table says nothing of its indexes.
func (o *Object) Fingerprint() Fingerprint {
	h := sha256.New()
	o.hash(h)
	return Fingerprint(hex.EncodeToString(h.Sum(nil)))
}

// hash writes every text with its length before it, so that no two objects
// write the same.
func (o *Object) hash(h hash.Hash) {
	var size [8]byte
	write := func(text string) {
		binary.BigEndian.PutUint64(size[:], uint64(len(text)))
		_, _ = h.Write(size[:])
		_, _ = h.Write([]byte(text))
	}
	for _, text := range []string{o.Kind, o.Schema, o.On, o.Name} {
		write(text)
	}
	binary.BigEndian.PutUint64(size[:], uint64(len(o.Attributes)))
	_, _ = h.Write(size[:])
	for _, name := range slices.Sorted(maps.Keys(o.Attributes)) {
		write(name)
		write(o.Attributes[name])
	}
}

// ledgers are the tables that tools keep beside a schema to know what they
// did to it.
var ledgers = map[string]bool{
	"schema_migrations":    true, // golang-migrate's
	"syndicate_migrations": true,
	recordTable:            true,
	"syndicate_shared":     true, // what engines have in common (package share)
}

// bookkeeping reports whether the object is a ledger, or part of one.
func (o *Object) bookkeeping() bool {
	if ledgers[o.On] || o.Kind == "table" && ledgers[o.Name] {
		return true
	}
	if owner := o.Attributes["owned by"]; o.Kind == "sequence" && owner != "" {
		parts := strings.Split(owner, ".")
		return len(parts) == 3 && ledgers[parts[1]]
	}
	return false
}
