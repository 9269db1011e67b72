package plan

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// The algorithms, so that a later one can be told apart.
const (
	digestPrefix = "sha256:"
	macPrefix    = "hmac-sha256:"
)

// digester names definitions. It walks a block of package spec by
// reflection, so that an attribute added there is part of the digest without
// a change here. Zero values are left out, so that adding one changes no
// digest of a definition that does not use it. Places in files are left
// out, and paths count from the configuration's directory: moving a
// block, or the whole directory, changes nothing.
//
// What is known only later is named by its text and by what the blocks that
// it refers to make their addresses of: a database that moves changes all
// that connect to it.
//
// Of a sensitive value, and of an expression that is known only later,
// since it may hold one, only an HMAC is part; without a key, nothing.
type digester struct {
	key    []byte
	dir    string
	mac    hash.Hash
	buf    []byte
	policy []span // the parts of buf that a process does not depend on
	// origins stand for what the addresses of blocks are made of: what
	// refers to one of them changes with it.
	origins map[spec.Addr]string
	fields  map[reflect.Type][]field
	// refs are the blocks that the last one has in values that are known
	// only later, which may come more than once.
	refs []spec.Addr
}

// field is a struct's field that counts.
type field struct {
	index  int
	name   string
	policy bool
}

// span is a part of the digester's buffer.
type span struct{ from, to int }

func newDigester(dir string, key []byte) *digester {
	d := &digester{key: key, dir: dir, fields: map[reflect.Type][]field{}}
	if len(key) > 0 {
		d.mac = hmac.New(sha256.New, key)
	}
	return d
}

// another returns a digester that knows the same, for another goroutine.
func (d *digester) another() *digester {
	other := newDigester(d.dir, d.key)
	other.origins = d.origins
	return other
}

// of returns the digests of a block, given by pointer: of all of it, and of
// what a process of it depends on.
func (d *digester) of(block any) (all, run string) {
	d.buf, d.policy, d.refs = d.buf[:0], d.policy[:0], nil
	d.value(reflect.ValueOf(block))
	if b, ok := block.(*spec.Breaker); ok && b.Scheme() == "tcp" {
		d.text("tcp") // another target changes in place, and another kind of it does not
	}
	all = digestOf(d.buf)
	kept := d.buf[:0]
	from := 0
	for _, s := range d.policy {
		kept = append(kept, d.buf[from:s.from]...)
		from = s.to
	}
	return all, digestOf(append(kept, d.buf[from:]...))
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return digestPrefix + hex.EncodeToString(sum[:16])
}

// value appends v: a letter for its kind, then its content.
func (d *digester) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			d.value(v.Elem())
		}
	case reflect.Struct:
		d.structure(v)
	case reflect.Slice:
		d.length('[', v.Len())
		for i := range v.Len() {
			d.value(v.Index(i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		d.length('{', len(keys))
		for _, k := range keys {
			d.text(k.String())
			elem := reflect.New(v.Type().Elem()).Elem()
			elem.Set(v.MapIndex(k))
			d.value(elem)
		}
	case reflect.String:
		d.text(d.relative(v.String()))
	case reflect.Bool:
		d.length('b', 0)
		if v.Bool() {
			d.buf = append(d.buf, 1)
		}
	case reflect.Float32, reflect.Float64:
		d.number('f', math.Float64bits(v.Float()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.number('i', uint64(v.Int()))
	default:
		d.number('u', v.Uint())
	}
}

func (d *digester) structure(v reflect.Value) {
	switch e := v.Addr().Interface().(type) {
	case *spec.Text:
		d.shown(*e)
		return
	case *spec.Expr[spec.Text]:
		if t, ok := e.Value(); ok {
			d.shown(t)
			return
		}
		d.later(e.Source(), e.Refs())
		return
	case *spec.Expr[string]:
		if s, ok := e.Value(); ok {
			d.text(d.relative(s))
			return
		}
		d.later(e.Source(), e.Refs())
		return
	case *spec.Expr[int]:
		if n, ok := e.Value(); ok {
			d.number('i', uint64(n))
			return
		}
		d.later(e.Source(), e.Refs())
		return
	}
	d.buf = append(d.buf, '(')
	for _, f := range d.fieldsOf(v.Type()) {
		at := v.Field(f.index)
		if at.IsZero() {
			continue
		}
		from := len(d.buf)
		d.text(f.name)
		if f.name == "Inherited" { // values of the caller's environment
			for i := range at.Len() {
				d.secret(at.Index(i).String())
			}
			continue
		}
		inner, body := len(d.policy), len(d.buf)
		d.value(at)
		if f.policy || at.Kind() == reflect.Struct && d.onlyPolicy(d.policy[inner:], len(d.buf)-body) {
			d.policy = append(d.policy[:inner], span{from, len(d.buf)})
		}
	}
	d.buf = append(d.buf, ')')
}

// onlyPolicy reports whether nothing of a structure of size bytes is left
// without the given parts: then it is left out with them.
func (d *digester) onlyPolicy(parts []span, size int) bool {
	for _, s := range parts {
		size -= s.to - s.from
	}
	return len(parts) > 0 && size == len("()")
}

// fieldsOf lists the fields of a type that count.
func (d *digester) fieldsOf(t reflect.Type) []field {
	if got, ok := d.fields[t]; ok {
		return got
	}
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == reflect.TypeFor[spec.Range]() || !f.IsExported() {
			continue
		}
		fields = append(fields, field{i, f.Name, isPolicy(t.Name() + "." + f.Name)})
	}
	d.fields[t] = fields
	return fields
}

func (d *digester) shown(t spec.Text) {
	if t.IsSensitive() {
		d.secret(t.Reveal())
		return
	}
	d.text(d.relative(t.Reveal()))
}

func (d *digester) later(source string, refs []spec.Ref) {
	d.length('?', len(refs))
	for _, r := range refs {
		d.refs = append(d.refs, r.Addr)
		d.text(r.Addr.String())
		d.text(r.Attribute)
		d.text(d.origins[r.Addr])
	}
	d.secret(source)
}

// know takes up the blocks that others refer to.
func (d *digester) know(sys *spec.System) {
	origins := make(map[spec.Addr]string, len(sys.Databases)+len(sys.Breakers))
	ports := map[spec.Addr]*spec.Managed{}
	for _, db := range sys.Databases {
		if db.Managed != nil {
			ports[db.Addr] = &spec.Managed{Port: db.Managed.Port}
		}
	}
	for _, db := range sys.Databases {
		address := &spec.Database{
			Source: db.Source, URL: db.URL, Host: db.Host, Port: db.Port, DBName: db.DBName,
			User: db.User, Password: db.Password, SSL: db.SSL,
		}
		if g := db.Gateway; g != nil {
			address.Gateway = &spec.Gateway{Listen: g.Listen}
		}
		address.Managed = ports[db.Addr]
		if db.Shared != nil {
			address.Shared, address.Managed = db.Shared, ports[db.Shared.Server]
		}
		origins[db.Addr], _ = d.of(address)
	}
	for _, b := range sys.Breakers {
		_, origins[b.Addr] = d.of(&spec.Breaker{Listen: b.Listen, Target: b.Target})
	}
	d.origins = origins
}

// hidden is what the text of an expression that is known only later does not
// show.
func (d *digester) hidden(source string, refs []spec.Ref) []string {
	parts := []string{source}
	for _, r := range refs {
		parts = append(parts, d.origins[r.Addr])
	}
	return parts
}

func (d *digester) secret(s string) {
	d.buf = append(d.buf, '*')
	if d.mac == nil {
		return
	}
	d.mac.Reset()
	d.mac.Write([]byte(s))
	d.buf = d.mac.Sum(d.buf)
}

// mark returns what stands for values that are not shown, or "" without key.
func (d *digester) mark(values ...string) string {
	if d.mac == nil {
		return ""
	}
	d.mac.Reset()
	for _, v := range values {
		d.mac.Write(binary.AppendUvarint(nil, uint64(len(v))))
		d.mac.Write([]byte(v))
	}
	return macPrefix + hex.EncodeToString(d.mac.Sum(nil)[:16])
}

func (d *digester) text(s string) {
	d.length('"', len(s))
	d.buf = append(d.buf, s...)
}

func (d *digester) length(kind byte, n int) { d.number(kind, uint64(n)) }

func (d *digester) number(kind byte, n uint64) {
	d.buf = binary.AppendUvarint(append(d.buf, kind), n)
}

// relative returns a path below the configuration's directory without it.
func (d *digester) relative(s string) string {
	if d.dir == "" || !strings.HasPrefix(s, d.dir) {
		return s
	}
	if rest := s[len(d.dir):]; rest == "" || rest[0] == '/' {
		return "." + rest
	}
	return s
}

// digest names what the plan does: every step with its definition, what it
// waits for and what happens to it.
func (p *Plan) digest() string {
	type step struct {
		ID, Action, Digest string
		Held               bool
		Needs              []string
		Files              []Migration
	}
	type content struct {
		Version, System string
		Steps           []step
		Stops           []Stopped
		Followers       []Follower `json:",omitempty"`
		Settings        []Change
		Targets         []string
		Unbuilt         []string
	}
	c := content{Version: p.FormatVersion, System: p.System, Stops: p.Stops, Followers: p.Followers, Settings: p.Settings, Targets: p.Targets}
	for _, s := range p.Steps {
		d := step{ID: s.ID, Action: string(s.Action), Digest: s.Digest, Held: s.Held != "", Files: s.Files}
		d.Needs = waits(s.Needs)
		c.Steps = append(c.Steps, d)
	}
	for _, u := range p.Unbuilt {
		c.Unbuilt = append(c.Unbuilt, u.Addr.String()+" "+u.Name)
	}
	h := sha256.New()
	// Encoding these types into a hash cannot fail.
	_ = json.NewEncoder(h).Encode(c)
	return digestPrefix + hex.EncodeToString(h.Sum(nil)[:16])
}
