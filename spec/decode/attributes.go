package decode

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// sensitive is the mark of values that must not be shown.
type sensitiveMark struct{}

// laterValue stands for an attribute that exists only once something runs.
func (e *evaluator) laterValue(in *instance, attr string, t cty.Type) result {
	secret := in.addr.Kind == spec.KindDatabase && (attr == "url" || attr == "direct_url" || attr == "password")
	mark := func(v cty.Value) cty.Value {
		if secret {
			return v.Mark(sensitiveMark{})
		}
		return v
	}
	if e.lookup == nil {
		return result{value: mark(cty.UnknownVal(t).RefineNotNull()), later: true}
	}
	got, err := e.lookup(in.addr, attr)
	if err == nil {
		var v cty.Value
		if v, err = fromGo(got, t); err == nil {
			return result{value: mark(v)}
		}
	}
	if e.failed == nil {
		e.failed = fmt.Errorf("%s.%s: %w", in.addr, attr, err)
	}
	return failure
}

// attributeOf returns the value of an attribute, or cty.NilVal where the
// block has the attribute by its kind but not by its contents: the port of a
// service without one.
func (e *evaluator) attributeOf(in *instance, attr string, at hcl.Range) result {
	return e.compute(node{in.addr, attr}, at, func() result {
		switch doc := in.doc.(type) {
		case *serviceDoc:
			return e.serviceAttribute(in, doc, attr, at)
		case *databaseDoc:
			return e.databaseAttribute(in, doc, attr, at)
		case *breakerDoc:
			return e.breakerAttribute(in, doc, at)
		}
		return failure
	})
}

// optional evaluates an attribute that may be left out or null; the result's
// value is cty.NilVal then.
func (e *evaluator) optional(in *instance, attr *hcl.Attribute) result {
	if attr == nil {
		return result{}
	}
	r := e.attribute(scope{in}, attr)
	if v, _ := r.value.UnmarkDeep(); v.IsNull() && v.IsKnown() {
		r.value = cty.NilVal
	}
	return r
}

func (e *evaluator) serviceAttribute(in *instance, doc *serviceDoc, attr string, at hcl.Range) result {
	switch attr {
	case "host":
		r := e.optional(in, doc.Host)
		if r.value == cty.NilVal {
			r.value = cty.StringVal("127.0.0.1")
		}
		return r.only(cty.String)
	case "port":
		return e.port(in, doc.Port, "port", in.addr.String())
	case "ports":
		return e.ports(in, doc)
	}
	port := e.attributeOf(in, "port", at)
	if port.value == cty.NilVal || port.failed {
		return port
	}
	host := e.attributeOf(in, "host", at)
	if host.failed {
		return host
	}
	if !known(port.value) || !known(host.value) {
		r := result{value: cty.UnknownVal(cty.String).RefineNotNull(), vague: port.vague || host.vague, later: port.later || host.later}
		if r.later && e.lookup == nil {
			return e.laterValue(in, "url", cty.String)
		}
		return r
	}
	h, _ := stringOf(host.value)
	p, _ := stringOf(port.value)
	return result{value: cty.StringVal("http://" + net.JoinHostPort(h, p))}
}

// only turns a value of another type into a failure: its own block reports
// the mistake.
func (r result) only(t cty.Type) result {
	v, ok := convertTo(r.value, t)
	if !ok {
		return failure
	}
	r.value = v
	return r
}

// port evaluates a port, which is a number or "auto".
func (e *evaluator) port(in *instance, attr *hcl.Attribute, name, key string) result {
	r := e.optional(in, attr)
	if r.value == cty.NilVal || r.failed || !known(r.value) {
		if r.value != cty.NilVal && !r.failed {
			r.value = cty.UnknownVal(cty.Number)
		}
		return r
	}
	return e.portNumber(in, r, name, key)
}

func (e *evaluator) portNumber(in *instance, r result, name, key string) result {
	v, _ := r.value.UnmarkDeep()
	if s, ok := stringOf(v); ok && s == "auto" {
		if n, ok := e.l.o.Ports[key]; ok {
			return result{value: cty.NumberIntVal(int64(n))}
		}
		return e.laterValue(in, name, cty.Number)
	}
	n, err := intOf(v)
	if err != nil || n < 1 || n > 65535 {
		return failure
	}
	return result{value: cty.NumberIntVal(int64(n))}
}

// ports evaluates the further named ports of a service.
func (e *evaluator) ports(in *instance, doc *serviceDoc) result {
	r := e.optional(in, doc.Ports)
	if r.value == cty.NilVal || r.failed {
		return r
	}
	v, _ := r.value.UnmarkDeep()
	entries, ok := entriesOf(v)
	if !ok {
		if !v.IsKnown() {
			return r
		}
		return failure
	}
	out := map[string]cty.Value{}
	all := result{}
	var whole cty.Value
	for _, en := range entries {
		p := result{value: en.value}
		if en.value.IsKnown() && !en.value.IsNull() {
			if s, ok := stringOf(en.value); ok && s == "auto" {
				if n, ok := e.l.o.Ports[in.addr.String()+"."+en.key]; ok {
					p = result{value: cty.NumberIntVal(int64(n))}
				} else if whole == cty.NilVal {
					got := e.laterValue(in, "ports", cty.Map(cty.Number))
					whole = got.value
					all.later, all.failed = all.later || got.later, all.failed || got.failed
				}
			} else {
				p = e.portNumber(in, p, "ports", "")
			}
		}
		out[en.key] = p.value
		all.failed = all.failed || p.failed
	}
	if all.failed {
		return failure
	}
	if whole != cty.NilVal {
		for k, v := range out {
			if s, ok := stringOf(v); ok && s == "auto" {
				out[k] = elementOf(whole, k)
			}
		}
	}
	all.value = cty.ObjectVal(out)
	all.vague = r.vague
	return all
}

// noSuchValue says that a block has no value for an attribute of its kind.
func (e *evaluator) noSuchValue(in *instance, attr string, at hcl.Range) *hcl.Diagnostic {
	if in.addr.Kind == spec.KindService {
		return mistake(CodeMember, at, "Service has no port", fmt.Sprintf(
			"%s has no %s, since it declares no port. Write %s, or %s, in its block at %s.", in.addr, attr,
			assign(in.head.DefRange, "port", "3000"), assign(in.head.DefRange, "port", `"auto"`),
			place(in.head.DefRange)), related{in.head.DefRange, "the service"})
	}
	return mistake(CodeMember, at, "No value", fmt.Sprintf(
		"%s declares no %s, at %s.", in.addr, attr, place(in.head.DefRange)), related{in.head.DefRange, "the block"})
}

func (e *evaluator) breakerAttribute(in *instance, doc *breakerDoc, at hcl.Range) result {
	if !in.enabled {
		r := e.optional(in, doc.Target)
		if r.value == cty.NilVal {
			return failure
		}
		return r.only(cty.String)
	}
	r := e.optional(in, doc.Listen)
	switch {
	case r.failed:
		return r
	case r.value == cty.NilVal:
		return e.laterValue(in, "url", cty.String)
	}
	s, ok := stringOf(r.value)
	if !ok {
		r.value = cty.UnknownVal(cty.String)
		return r
	}
	return result{value: cty.StringVal(e.breakerScheme(in, doc) + "://" + s)}
}

// breakerScheme is tcp where a breaker forwards connections.
func (e *evaluator) breakerScheme(in *instance, doc *breakerDoc) string {
	target, _ := e.optional(in, doc.Target).value.UnmarkDeep()
	if s, ok := stringOf(target); ok && strings.HasPrefix(s, "tcp:") {
		return "tcp"
	}
	return "http"
}

func (e *evaluator) databaseAttribute(in *instance, doc *databaseDoc, attr string, at hcl.Range) result {
	src := e.source(in, doc)
	typ := cty.String
	if attr == "port" {
		typ = cty.Number
	}
	if src.failed {
		return failure
	}
	gated := e.gated(in, doc)
	switch own := attr == "host" || attr == "port"; {
	case own && gated:
		return e.gatewayPlace(in, doc.Gateway, attr)
	case own && src.kind == sourceManaged:
		return e.managedPlace(in, doc.Managed, attr)
	}
	if gated && attr == "url" || src.kind == sourceManaged || src.kind == sourceShared {
		return e.laterValue(in, attr, typ)
	}
	if src.kind == sourceURL {
		return urlAttribute(src.url, attr, typ)
	}
	switch attr {
	case "host":
		return src.host.only(cty.String)
	case "port":
		return e.part(in, doc.Port, cty.NumberIntVal(5432), cty.Number)
	case "name":
		return e.part(in, doc.Name, cty.StringVal(in.addr.Name), cty.String)
	case "user":
		return e.part(in, doc.User, cty.NilVal, cty.String)
	case "password":
		r := e.part(in, doc.Password, cty.NilVal, cty.String)
		if r.value != cty.NilVal {
			r.value = r.value.Mark(sensitiveMark{})
		}
		return r
	}
	return e.urlOfParts(in, doc, at)
}

// localhost is where what syndicate itself runs listens.
var localhost = cty.StringVal("127.0.0.1")

// managedPlace returns where a managed server listens, which is decided before
// it starts.
func (e *evaluator) managedPlace(in *instance, doc *managedDoc, attr string) result {
	if attr == "host" {
		return result{value: localhost}
	}
	var port *hcl.Attribute
	if doc != nil {
		port = doc.Port
	}
	if r := e.port(in, port, attr, in.addr.String()); r.value != cty.NilVal {
		return r
	}
	return e.portNumber(in, result{value: cty.StringVal("auto")}, attr, in.addr.String())
}

// gatewayPlace returns where clients reach a gateway.
func (e *evaluator) gatewayPlace(in *instance, doc *gatewayDoc, attr string) result {
	r := e.optional(in, doc.Listen)
	switch s, ok := stringOf(r.value); {
	case r.failed:
		return failure
	case r.value == cty.NilVal && attr == "host":
		return result{value: localhost}
	case r.value == cty.NilVal:
		return e.laterValue(in, attr, cty.Number)
	case ok:
		host, port, ok := cutPort(s)
		switch ip := net.ParseIP(strings.Trim(host, "[]")); {
		case !ok:
			return failure // its own block reports it
		case attr == "port":
			return result{value: cty.NumberIntVal(int64(port))}
		case host == "" || ip != nil && ip.IsUnspecified():
			return result{value: localhost}
		}
		return result{value: cty.StringVal(strings.Trim(host, "[]"))}
	}
	r.value = cty.UnknownVal(cty.DynamicPseudoType)
	return r
}

// part evaluates one of the parts that a database's URL is made of.
func (e *evaluator) part(in *instance, attr *hcl.Attribute, def cty.Value, t cty.Type) result {
	r := e.optional(in, attr)
	if r.value == cty.NilVal {
		if def == cty.NilVal {
			return r
		}
		r.value = def
	}
	return r.only(t)
}

// urlOfParts makes the URL of a database of its parts.
func (e *evaluator) urlOfParts(in *instance, doc *databaseDoc, at hcl.Range) result {
	text := map[string]string{}
	out := result{}
	for _, name := range []string{"host", "port", "name", "user", "password"} {
		r := e.attributeOf(in, name, at)
		out.failed = out.failed || r.failed
		out.vague = out.vague || r.vague
		out.later = out.later || r.later
		if r.value == cty.NilVal || r.failed {
			continue
		}
		v, _ := r.value.UnmarkDeep()
		text[name], _ = stringOf(v)
	}
	ssl := e.optional(in, doc.SSL)
	mode := "prefer"
	if s, ok := stringOf(ssl.value); ok {
		mode = s
	}
	switch {
	case out.failed:
		return failure
	case out.vague || out.later:
		out.value = cty.UnknownVal(cty.String).RefineNotNull().Mark(sensitiveMark{})
		return out
	}
	u := url.URL{
		Scheme: "postgres", Host: net.JoinHostPort(text["host"], text["port"]),
		Path: "/" + text["name"], RawQuery: url.Values{"sslmode": {mode}}.Encode(),
	}
	if strings.HasPrefix(text["host"], "/") { // a directory of sockets
		u.Host = ""
		u.RawQuery = url.Values{"host": {text["host"]}, "port": {text["port"]}, "sslmode": {mode}}.Encode()
	}
	switch user, password := text["user"], text["password"]; {
	case password != "":
		u.User = url.UserPassword(user, password)
	case user != "":
		u.User = url.User(user)
	}
	return result{value: cty.StringVal(u.String()).Mark(sensitiveMark{})}
}

// urlAttribute takes an attribute out of the URL of a database.
func urlAttribute(r result, attr string, t cty.Type) result {
	if attr == "url" || attr == "direct_url" {
		r = r.only(cty.String)
		r.uses = nil
		r.value = r.value.Mark(sensitiveMark{})
		return r
	}
	out := result{vague: r.vague, later: r.later}
	v, _ := r.value.UnmarkDeep()
	raw, ok := stringOf(v)
	if !ok {
		out.value = cty.UnknownVal(t)
	} else if u, err := url.Parse(raw); err != nil {
		return failure
	} else {
		out.value = urlPart(u, attr)
	}
	if attr == "password" && out.value != cty.NilVal {
		out.value = out.value.Mark(sensitiveMark{})
	}
	return out
}

func urlPart(u *url.URL, attr string) cty.Value {
	text := ""
	switch attr {
	case "host":
		text = u.Hostname()
	case "port":
		n, err := strconv.Atoi(u.Port())
		if err != nil {
			n = 5432
		}
		return cty.NumberIntVal(int64(n))
	case "name":
		text = strings.TrimPrefix(u.Path, "/")
	case "user":
		text = u.User.Username()
	case "password":
		text, _ = u.User.Password()
	}
	if text == "" {
		return cty.NilVal
	}
	return cty.StringVal(text)
}

// builtIn returns an attribute of host or system.
func (e *evaluator) builtIn(kind spec.Kind, name string) (cty.Value, error) {
	if kind == spec.KindSystem {
		return cty.StringVal(e.l.system.Name), nil
	}
	h := e.l.host()
	switch name {
	case "cpus":
		return cty.NumberIntVal(int64(h.CPUs)), nil
	case "hostname":
		return cty.StringVal(h.Hostname), nil
	}
	if h.Memory == 0 {
		return cty.NilVal, fmt.Errorf("the size of this machine's memory cannot be read")
	}
	return cty.NumberIntVal(h.Memory), nil
}
