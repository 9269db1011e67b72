package decode

import (
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// Header is what can be known of a system without evaluating anything.
type Header struct {
	Name     string
	Dir      string // absolute: the directory of the configuration
	StateDir string // absolute
	Path     string // absolute: the file or directory itself
}

// Head reads the syndicate block alone, so that a running system can be
// found without variables, and while the rest of the configuration is broken.
// With errors, the header holds the defaults.
func Head(o Options) (Header, spec.Diagnostics) {
	l := newLoader(o)
	l.headOnly = true
	l.read()
	syntax := convertDiagnostics(l.problems)
	var blocks int
	for _, f := range l.files {
		blocks += len(f.doc.Syndicate)
	}
	l.problems = nil
	l.readSyndicate()
	ds := l.finish()
	// What is broken elsewhere does not matter, unless it may have hidden
	// the block.
	if blocks == 0 {
		for _, d := range syntax {
			if d.Code == CodeSyntax || d.Code == CodeFile || d.Code == CodeLimit {
				ds = append(ds, d)
			}
		}
	}
	ds.Sort()
	return Header{
		Name: l.system.Name, Dir: l.system.Dir, StateDir: l.system.StateDir, Path: l.absolute(l.o.Path),
	}, ds
}

// readSyndicate reads the block that describes the system as a whole.
func (l *loader) readSyndicate() {
	var doc *syndicateDoc
	for _, f := range l.files {
		for _, b := range f.doc.Syndicate {
			l.mark("syndicate", &b.header)
			if doc != nil {
				l.report(mistake(CodeDuplicateBlock, b.DefRange, "Second syndicate block",
					fmt.Sprintf("A configuration has one syndicate block at most; the first stands at %s.", place(doc.DefRange)),
					related{doc.DefRange, "the first one"}))
				continue
			}
			doc = b
		}
	}
	if doc == nil {
		doc = &syndicateDoc{}
	} else {
		l.system.Range = rangeOf(doc.DefRange)
	}
	s := l.system
	w := l.literalView(doc)
	l.readName(doc.Name, w.text("name"))
	s.Parallelism = w.number("parallelism", 0, 1<<20)
	s.Degraded = w.choice("degraded")
	s.OnFailure = w.choice("on_failure")
	l.readStateDir(w.text("state_dir"))
	if doc.HTTP != nil {
		s.HTTP = l.readHTTP(doc.HTTP)
	}
	l.unbuilt(spec.Addr{}, doc)
}

func (l *loader) readName(attr *hcl.Attribute, s string) {
	if strings.TrimSpace(s) == "" {
		return
	}
	if !spec.ValidName(s) {
		l.report(mistake(CodeName, attr.Expr.Range(), "Bad name",
			fmt.Sprintf("%q cannot name a system: a name begins with a letter or _, and has at most 63 letters, digits, _ and -.", s)))
		return
	}
	l.system.Name = s
}

func (l *loader) readStateDir(s string) {
	switch {
	case l.o.StateDir != "":
		l.system.StateDir = l.absolute(l.o.StateDir)
	case strings.TrimSpace(s) != "":
		l.system.StateDir = l.path(s)
	default:
		l.system.StateDir = filepath.Join(l.system.Dir, ".syndicate", l.system.Name)
	}
}

// minToken is how many characters a declared token has at least.
const minToken = 16

func (l *loader) readHTTP(doc *httpDoc) *spec.HTTP {
	w := l.literalView(doc)
	out := &spec.HTTP{Range: rangeOf(doc.DefRange), Metrics: w.choice("metrics")}
	out.Listen = w.text("listen")
	host, port, err := net.SplitHostPort(out.Listen)
	if n, bad := strconv.Atoi(port); doc.Listen != nil && out.Listen != "" && (err != nil || bad != nil || n < 1 || n > 65535) {
		l.report(notHostPort(doc.Listen))
	}
	if doc.Token != nil {
		token := w.text("token")
		if n := len(token); n > 0 && n < minToken {
			l.report(mistake(CodeRange, doc.Token.Expr.Range(), "Token too short",
				fmt.Sprintf("A token of %d characters can be guessed: it must have at least %d. Without one declared, syndicate makes one and keeps it in the file token of the state directory.", n, minToken)))
		}
		out.Token = spec.KnownAt(spec.Sensitive(token), rangeOf(doc.Token.Expr.Range()), nil)
	}
	if doc.TLS != nil {
		t := l.literalView(doc.TLS)
		out.TLSCert, out.TLSKey = l.path(t.text("cert")), l.path(t.text("key"))
		return out
	}
	if ip := net.ParseIP(host); err == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		l.report(mistake(CodeCombine, doc.Listen.Expr.Range(), "Endpoint without TLS",
			"An endpoint that listens beyond loopback needs a tls block; or listen on 127.0.0.1."))
	}
	return out
}

func notHostPort(attr *hcl.Attribute) *hcl.Diagnostic {
	return mistake(CodeURL, attr.Expr.Range(), "Not an address",
		fmt.Sprintf("%s must be HOST:PORT, such as \"127.0.0.1:7000\".", attr.Name))
}

// literalView reads a block that takes literals only.
type literalView struct {
	literals
	v  reflect.Value
	st *Structure
}

func (l *loader) literalView(doc any) *literalView {
	v := reflect.ValueOf(doc).Elem()
	return &literalView{literals{l: l}, v, l.types.of(v.Type())}
}

func (w *literalView) get(name string) (*hcl.Attribute, *Field, cty.Value) {
	f := w.st.attrs[name]
	attr := w.v.FieldByIndex(f.index).Interface().(*hcl.Attribute)
	return attr, f, w.value(attr)
}

func (w *literalView) text(name string) string {
	attr, f, v := w.get(name)
	if v == cty.NilVal {
		if f.Required && attr != nil && w.isNull(attr) {
			w.report(mistake(CodeNull, attr.Expr.Range(), "Null value", name+" needs a value, and null is none."))
		}
		return ""
	}
	s := w.literals.text(attr)
	if strings.TrimSpace(s) == "" && v.Type() == cty.String {
		w.report(emptyText(name, f, attr.Expr.Range()))
	}
	return s
}

// isNull reports whether null is written.
func (w *literalView) isNull(attr *hcl.Attribute) bool {
	expr, diags := native(attr.Expr)
	return !diags.HasErrors() && isNullLiteral(expr)
}

func (w *literalView) number(name string, least, most int) int {
	attr, _, v := w.get(name)
	if v == cty.NilVal {
		return 0
	}
	n, err := intOf(v)
	if err != nil {
		w.report(mistake(CodeType, attr.Expr.Range(), "Wrong type", fmt.Sprintf("%s %s.", name, err)))
		return 0
	}
	if n < least || n > most {
		w.report(outOfRange(name, attr.Expr.Range(), n, least, most))
		return 0
	}
	return n
}

func (w *literalView) choice(name string) string {
	attr, f, v := w.get(name)
	if v == cty.NilVal {
		return f.Default
	}
	s, ok := literalString(v)
	if !ok || !slices.Contains(f.Enum, s) {
		w.report(notAllowed(name, attr.Expr.Range(), s, f.Enum))
		return f.Default
	}
	return s
}
