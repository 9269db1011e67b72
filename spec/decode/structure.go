package decode

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/syndicate/syndicate/spec"
)

// header is what every block carries beside its contents: where it stands.
// It is filled by decodeBody and has no tags, so it is no part of the schema.
type header struct {
	Label      string
	LabelRange hcl.Range
	DefRange   hcl.Range
	Body       hcl.Body
}

func (h *header) head() *header { return h }

// blockDoc is a pointer to a doc struct that begins with a header.
type blockDoc interface{ head() *header }

// Structure describes one block of the language, as its doc struct declares
// it: the attributes and nested blocks that it may hold.
type Structure struct {
	Attributes []Field // in the order of declaration
	Blocks     []Field

	types  *structures
	schema *hcl.BodySchema
	attrs  map[string]*Field
	blocks map[string]*Field
	later  []Field // attributes
}

// Field is an attribute or a nested block of a Structure.
type Field struct {
	Name     string
	Doc      string
	Type     string   // such as duration, list(string), action list; empty for blocks
	Default  string   // as written in HCL; empty without one
	Enum     []string // the only values allowed, empty for any
	Later    bool     // decoded, but its runtime comes with a later version
	Required bool
	Many     bool   // a block that may be repeated
	Label    string // what the label of a block says, empty without one
	// Open blocks take attributes of any name (locals).
	Open bool

	index []int
	typ   reflect.Type // of a nested block, else nil
	types *structures  // that describe it
	value any          // Default as the Go value that decoding uses, nil without one
}

// Block describes what a nested block may hold; nil for an attribute. It is
// looked at only where it is asked for: most files have few kinds of blocks.
func (f Field) Block() *Structure {
	if f.typ == nil {
		return nil
	}
	return f.types.of(f.typ)
}

var (
	attributeType = reflect.TypeFor[*hcl.Attribute]()
	headerType    = reflect.TypeFor[header]()
)

// structures remembers what reflection found, since decoding thousands of
// blocks asks for the same few types over and over. It holds only facts about
// types, and is safe for concurrent use.
type structures struct{ byType sync.Map }

// of describes the doc struct type t.
func (s *structures) of(t reflect.Type) *Structure {
	if got, ok := s.byType.Load(t); ok {
		return got.(*Structure)
	}
	st := &Structure{
		types:  s,
		schema: &hcl.BodySchema{},
		attrs:  map[string]*Field{},
		blocks: map[string]*Field{},
	}
	s.collect(t, nil, st)
	got, _ := s.byType.LoadOrStore(t, st)
	return got.(*Structure)
}

// collect adds the fields of t, those of embedded structs included.
func (s *structures) collect(t reflect.Type, index []int, st *Structure) {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(append([]int(nil), index...), i)
		if sf.Type == headerType {
			continue
		}
		if sf.Anonymous {
			s.collect(sf.Type, at, st)
			continue
		}
		tag, ok := sf.Tag.Lookup("hcl")
		if !ok {
			continue
		}
		f := fieldOf(tag, sf, at)
		if sf.Type == attributeType {
			st.Attributes = append(st.Attributes, f)
			st.attrs[f.Name] = &f
			if f.Later {
				st.later = append(st.later, f)
			}
			st.schema.Attributes = append(st.schema.Attributes,
				hcl.AttributeSchema{Name: f.Name, Required: f.Required})
			continue
		}
		f.typ = sf.Type.Elem()
		if f.Many = sf.Type.Kind() == reflect.Slice; f.Many {
			f.typ = f.typ.Elem()
		}
		f.types = s
		st.Blocks = append(st.Blocks, f)
		st.blocks[f.Name] = &f
		var labels []string
		if f.Label != "" {
			labels = []string{f.Label}
		}
		st.schema.Blocks = append(st.schema.Blocks,
			hcl.BlockHeaderSchema{Type: f.Name, LabelNames: labels})
	}
}

// fieldOf reads the tags of one field.
func fieldOf(tag string, sf reflect.StructField, at []int) Field {
	name, option, _ := strings.Cut(tag, ",")
	f := Field{
		Name:     name,
		Doc:      sf.Tag.Get("doc"),
		Type:     sf.Tag.Get("type"),
		Default:  sf.Tag.Get("default"),
		Label:    sf.Tag.Get("label"),
		Later:    sf.Tag.Get("later") != "",
		Required: option == "",
		Open:     sf.Tag.Get("open") != "",
		index:    at,
	}
	if e := sf.Tag.Get("enum"); e != "" {
		f.Enum = strings.Split(e, ",")
	}
	f.value = defaultValue(f.Type, f.Default)
	return f
}

// defaultValue parses the text of a default once, so that decoding need not.
func defaultValue(typ, text string) any {
	if text == "" {
		return nil
	}
	switch typ {
	case "duration":
		v, _ := spec.ParseDuration(text)
		return v
	case "size":
		v, _ := spec.ParseSize(text)
		return v
	case "share":
		v, _ := spec.ParseShare(text)
		return v
	case "int":
		v, _ := strconv.Atoi(text)
		return v
	case "number":
		v, _ := strconv.ParseFloat(text, 64)
		return v
	case "bool":
		return text == "true"
	}
	return nil
}

// decodeBody lays the contents of body out in dst, a pointer to a doc struct,
// without evaluating anything. dst keeps whatever could be read.
// path is the block as `syndicate schema` knows it, empty at the top.
func (s *structures) decodeBody(body hcl.Body, dst any, path string) hcl.Diagnostics {
	v := reflect.ValueOf(dst).Elem()
	st := s.of(v.Type())
	if native, ok := body.(*hclsyntax.Body); ok && st.fits(native) {
		return s.layOut(native, st, v, path)
	}
	content, diags := body.Content(st.schema)
	diags = st.reword(diags, path, content)
	if content == nil {
		return diags
	}
	for name, attr := range content.Attributes {
		v.FieldByIndex(st.attrs[name].index).Set(reflect.ValueOf(attr))
	}
	for _, block := range content.Blocks {
		f := st.blocks[block.Type]
		diags = append(diags, s.decodeBlock(block, f, v.FieldByIndex(f.index), strings.TrimPrefix(path+"."+f.Name, "."))...)
	}
	return diags
}

// fits reports whether there is nothing to say of a body as such: it holds all
// that it must, and nothing unknown.
func (st *Structure) fits(body *hclsyntax.Body) bool {
	for name := range body.Attributes {
		if _, ok := st.attrs[name]; !ok {
			return false
		}
	}
	for i := range st.Attributes {
		if f := &st.Attributes[i]; f.Required && body.Attributes[f.Name] == nil {
			return false
		}
	}
	for _, block := range body.Blocks {
		f, ok := st.blocks[block.Type]
		if !ok || (f.Label != "") != (len(block.Labels) == 1) || len(block.Labels) > 1 {
			return false
		}
	}
	return true
}

// layOut does what decodeBody does for a body that fits.
func (s *structures) layOut(body *hclsyntax.Body, st *Structure, v reflect.Value, path string) hcl.Diagnostics {
	for name, attr := range body.Attributes {
		*v.FieldByIndex(st.attrs[name].index).Addr().Interface().(**hcl.Attribute) = attr.AsHCLAttribute()
	}
	var diags hcl.Diagnostics
	for _, block := range body.Blocks {
		f := st.blocks[block.Type]
		diags = append(diags, s.decodeBlock(block.AsHCLBlock(), f, v.FieldByIndex(f.index), strings.TrimPrefix(path+"."+f.Name, "."))...)
	}
	return diags
}

// decodeBlock decodes one block into the field dst that holds its kind.
func (s *structures) decodeBlock(block *hcl.Block, f *Field, dst reflect.Value, path string) hcl.Diagnostics {
	item := reflect.New(f.typ)
	h := item.Interface().(blockDoc).head()
	h.DefRange, h.Body = block.DefRange, block.Body
	if len(block.Labels) > 0 {
		h.Label, h.LabelRange = block.Labels[0], block.LabelRanges[0]
	}
	var diags hcl.Diagnostics
	if f.Open {
		attrs, ds := block.Body.JustAttributes()
		diags = ds
		item.Interface().(openDoc).take(attrs)
	} else {
		diags = s.decodeBody(block.Body, item.Interface(), path)
	}
	switch {
	case f.Many:
		dst.Set(reflect.Append(dst, item))
	case dst.IsNil():
		dst.Set(item)
	default:
		first := dst.Interface().(blockDoc).head().DefRange
		diags = append(diags, mistake(CodeDuplicateBlock, block.DefRange,
			fmt.Sprintf("Second %s block", block.Type),
			fmt.Sprintf("Only one %q block is allowed here; the first stands at %s.", block.Type, place(first)),
			related{first, "the first one"}))
	}
	return diags
}
