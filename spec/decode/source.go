package decode

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// The sources of a database.
const (
	sourceManaged = "managed"
	sourceShared  = "shared"
	sourceURL     = "url"
	sourceParts   = "parts"
)

// source is where a database comes from.
type source struct {
	kind   string
	at     hcl.Range // of what decided it
	url    result
	host   result
	failed bool
}

// source chooses the source that is in force: managed where it is enabled,
// or where nothing else is written; else the URL; else the parts.
func (e *evaluator) source(in *instance, doc *databaseDoc) source {
	managed := doc.Managed != nil || doc.URL == nil && doc.Host == nil
	if doc.Managed != nil && doc.Managed.Enabled != nil {
		attr := doc.Managed.Enabled
		r := e.compute(node{in.addr, "managed.enabled"}, attr.Range, func() result {
			return e.attribute(scope{in}, attr)
		})
		if r.failed || r.vague {
			return source{failed: true}
		}
		if v, _ := bare(r.value); r.later || isSensitive(r.value) || !known(r.value) {
			return source{failed: true}
		} else if !v.IsNull() {
			on, err := boolOf(v)
			if err != nil {
				return source{failed: true}
			}
			managed = on
		}
	}
	if managed {
		at := in.head.DefRange
		if doc.Managed != nil {
			at = doc.Managed.DefRange
			if server := doc.Managed.Server; server != nil {
				if expr, _ := native(server.Expr); expr != nil && !isNullLiteral(expr) {
					return source{kind: sourceShared, at: at}
				}
			}
		}
		return source{kind: sourceManaged, at: at}
	}
	return e.external(in, doc)
}

// external chooses between the URL and the parts.
func (e *evaluator) external(in *instance, doc *databaseDoc) source {
	get := func(name string, attr *hcl.Attribute) result {
		if attr == nil {
			return result{}
		}
		return e.compute(node{in.addr, "source." + name}, attr.Range, func() result {
			return e.optional(in, attr)
		})
	}
	u := get("url", doc.URL)
	if u.failed {
		return source{failed: true}
	}
	if u.value != cty.NilVal {
		if s, ok := literalString(u.value); ok && strings.TrimSpace(s) == "" {
			return source{failed: true}
		}
		return source{kind: sourceURL, at: doc.URL.Range, url: u}
	}
	h := get("host", doc.Host)
	if h.failed || h.value == cty.NilVal {
		return source{failed: true}
	}
	if s, ok := literalString(h.value); ok && strings.TrimSpace(s) == "" {
		return source{failed: true}
	}
	return source{kind: sourceParts, at: doc.Host.Range, host: h}
}

// checkSource reports why a database has no source. It says what source
// decided already, so it is asked once for each instance.
func (d *decoder) checkSource(doc *databaseDoc) {
	if m := doc.Managed; m != nil && m.Enabled != nil {
		r := d.e.attribute(scope{d.in}, m.Enabled)
		if _, ok := d.e.truth(r, m.Enabled, true); !ok {
			return
		}
	}
	if s := d.e.source(d.in, doc); !s.failed {
		return
	}
	for _, part := range []struct {
		name, title, example string
		given                *hcl.Attribute
	}{
		{"url", "URL", "a URL such as postgres://user@host:5432/name", doc.URL},
		{"host", "host", "a name or an address such as localhost", doc.Host},
	} {
		if part.given == nil {
			continue
		}
		r := d.e.optional(d.in, part.given)
		if r.failed {
			return
		}
		if s, ok := literalString(r.value); ok && strings.TrimSpace(s) == "" {
			d.report(mistake(CodeSource, part.given.Range, "Empty "+part.title, fmt.Sprintf(
				"The %s of %s is empty%s. Give %s, or null where there is none.",
				part.name, d.in.addr, origins(part.given), part.example)))
			return
		}
	}
	attr := doc.URL
	if attr == nil {
		attr = doc.Host
	}
	at, why := d.in.head.DefRange, "managed is disabled, and neither url nor host is written"
	if attr != nil {
		at = attr.Range
		why = fmt.Sprintf("%s is null%s, and nothing else is in force", attr.Name, origins(attr))
	}
	d.report(mistake(CodeSource, at, "Database without a source", fmt.Sprintf(
		"%s has no source: %s. Set it, write host, or enable managed so that syndicate runs a server.", d.in.addr, why)))
}

// origins names the variables that an attribute's value comes from.
func origins(attr *hcl.Attribute) string {
	expr, diags := native(attr.Expr)
	if diags.HasErrors() {
		return ""
	}
	var names []string
	visit(expr, func(n hclsyntax.Node) {
		switch x := n.(type) {
		case *hclsyntax.FunctionCallExpr:
			if x.Name != "env" || len(x.Args) == 0 {
				return
			}
			if name, ok := literalText(x.Args[0]); ok {
				names = append(names, "the environment variable "+name)
			}
		case *hclsyntax.ScopeTraversalExpr:
			if root := x.Traversal.RootName(); root == "var" || root == "local" {
				if name, _, ok := member(x.Traversal, 1); ok {
					names = append(names, root+"."+name)
				}
			}
		}
	})
	if len(names) == 0 {
		return ""
	}
	return " (it comes from " + strings.Join(names, " and ") + ")"
}

// gated reports whether an enabled gateway stands before a database.
func (e *evaluator) gated(in *instance, doc *databaseDoc) bool {
	if doc.Gateway == nil {
		return false
	}
	if doc.Gateway.Enabled == nil {
		return true
	}
	r := e.compute(node{in.addr, "gateway.enabled"}, doc.Gateway.Enabled.Range, func() result {
		return e.attribute(scope{in}, doc.Gateway.Enabled)
	})
	on, err := boolOf(r.value)
	return err != nil || on
}
