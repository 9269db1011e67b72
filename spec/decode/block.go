package decode

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// block is a block with an address, before and after for_each made instances
// of it.
type block struct {
	addr   spec.Addr
	head   *header
	doc    blockDoc
	common *commonDoc
	file   *file

	expanded  bool
	repeated  bool // has for_each
	broken    bool // its for_each is wrong: what instances there are is unknown
	instances []*instance
	byKey     map[string]*instance
}

// instance is one thing that lives.
type instance struct {
	*block
	addr       spec.Addr
	key, value cty.Value // of for_each
	weight     int       // of value
	enabled    bool
	// off says what disabled it.
	off switchedOff
}

// switchedOff is an attribute that keeps an instance from existing.
type switchedOff struct {
	at       hcl.Range
	profiles []string // any of which would bring it into being
}

// marker remembers where blocks begin, to name the one that a diagnostic
// stands in.
type marker struct {
	start int
	text  string
}

// layOut gathers the blocks of all files under their addresses.
func (l *loader) layOut() {
	for _, f := range l.files {
		d := &f.doc
		for _, b := range d.Services {
			l.add(f, spec.KindService, b, &b.commonDoc)
		}
		for _, b := range d.Tasks {
			l.add(f, spec.KindTask, b, &b.commonDoc)
		}
		for _, b := range d.Databases {
			l.add(f, spec.KindDatabase, b, &b.commonDoc)
		}
		for _, b := range d.Breakers {
			l.add(f, spec.KindBreaker, b, &b.commonDoc)
		}
		for _, b := range d.Queues {
			l.add(f, spec.KindQueue, b, &b.commonDoc)
		}
		for _, b := range d.Thresholds {
			l.add(f, spec.KindThreshold, b, &b.commonDoc)
		}
		for _, b := range d.Boundaries {
			l.add(f, spec.KindBoundary, b, &b.commonDoc)
		}
		for _, b := range d.Notifies {
			l.add(f, spec.KindNotify, b, &b.commonDoc)
		}
	}
	slices.SortFunc(l.ordered, func(a, b *block) int { return a.addr.Compare(b.addr) })
}

// add files one block under its address.
func (l *loader) add(f *file, kind spec.Kind, doc blockDoc, common *commonDoc) {
	h := doc.head()
	l.mark(string(kind), h)
	addr := spec.Addr{Kind: kind, Name: h.Label}
	if !l.goodName(h, string(kind)) {
		return
	}
	b := &block{addr: addr, head: h, doc: doc, common: common, file: f}
	if first, ok := l.blocks[addr]; ok {
		l.duplicate(addr.String(), h, first.head)
		return
	}
	l.blocks[addr] = b
	l.ordered = append(l.ordered, b)
}

// goodName checks a label.
func (l *loader) goodName(h *header, kind string) bool {
	if spec.ValidName(h.Label) {
		return true
	}
	l.report(mistake(CodeName, h.LabelRange, "Bad name",
		fmt.Sprintf("%q cannot name a %s: a name begins with a letter or _, and has at most 63 letters, digits, _ and -.", h.Label, kind)))
	return false
}

func (l *loader) duplicate(addr string, h, first *header) {
	l.report(mistake(CodeDuplicateAddr, h.DefRange, "Second block with this address",
		fmt.Sprintf("%s is declared twice; the first stands at %s. Rename or remove one of them.", addr, place(first.DefRange)),
		related{first.DefRange, "the first one"}))
}

// mark remembers where a block begins.
func (l *loader) mark(kind string, h *header) {
	text := kind
	if h.Label != "" {
		text = fmt.Sprintf("%s %q", kind, h.Label)
	}
	start := h.DefRange.Start.Byte
	if h.Label != "" && h.LabelRange.Start.Byte < start {
		start = h.LabelRange.Start.Byte
	}
	name := h.DefRange.Filename
	l.marks[name] = append(l.marks[name], marker{start, text})
}

// markStrangers remembers where blocks begin that HCL leaves out, since their
// kind or their labels are wrong: what is said of them stands in no block.
func (l *loader) markStrangers(body hcl.Body) {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		return
	}
	known := l.types.of(reflect.TypeFor[fileDoc]()).blocks
	for _, b := range native.Blocks {
		labels := 0
		f, ok := known[b.Type]
		if ok && f.Label != "" {
			labels = 1
		}
		if at := b.TypeRange; !ok || len(b.Labels) != labels {
			l.marks[at.Filename] = append(l.marks[at.Filename], marker{at.Start.Byte, ""})
		}
	}
}

// giveContext names the block that each diagnostic stands in.
func (l *loader) giveContext(ds spec.Diagnostics) {
	for _, ms := range l.marks {
		slices.SortFunc(ms, func(a, b marker) int { return a.start - b.start })
	}
	for i := range ds {
		at := ds[i].Subject
		if ds[i].Context != "" || at.Start.Line == 0 {
			continue
		}
		for _, m := range l.marks[at.Filename] {
			if m.start > at.Start.Byte {
				break
			}
			ds[i].Context = m.text
		}
	}
}

// expandAll makes the instances of every block.
func (l *loader) expandAll() {
	for _, b := range l.ordered {
		l.eval.expand(b)
	}
	for _, b := range l.ordered {
		for _, in := range b.instances {
			if !in.enabled {
				l.system.Disabled = append(l.system.Disabled,
					spec.Disabled{Addr: in.addr, Range: rangeOf(in.off.at), Profiles: in.off.profiles})
			}
		}
	}
	l.checkProfiles()
}

// living returns the instances that exist.
func (b *block) living() []*instance {
	var out []*instance
	for _, in := range b.instances {
		if in.enabled {
			out = append(out, in)
		}
	}
	return out
}

// keys lists the keys of a block's instances.
func (b *block) keys() []string {
	var out []string
	for _, in := range b.instances {
		out = append(out, in.addr.Key)
	}
	return out
}

// names lists the names of all blocks of a kind.
func (l *loader) names(kind spec.Kind) []string {
	var out []string
	for _, b := range l.ordered {
		if b.addr.Kind == kind {
			out = append(out, b.addr.Name)
		}
	}
	return out
}
