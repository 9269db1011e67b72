package decode

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

func (d *decoder) ready(doc *serviceDoc) *spec.Probe {
	if doc.Ready == nil {
		return nil
	}
	w := d.view(doc.Ready, "ready.")
	deadline := w.period("deadline")
	p := d.probe(w, doc, &doc.Ready.header)
	if p != nil {
		p.Deadline = deadline
		if p.Interval == 0 {
			p.Interval = spec.Duration(1e9)
		}
	}
	return p
}

func (d *decoder) live(doc *serviceDoc) *spec.Probe {
	if doc.Live == nil {
		return nil
	}
	w := d.view(doc.Live, "live.")
	do, failures := d.actions(doc.Live.Do), w.number("failures", 1, 1e6)
	p := d.probe(w, doc, &doc.Live.header)
	if p == nil {
		return nil
	}
	p.Failures, p.Do = failures, do
	if p.Interval == 0 {
		p.Interval = spec.Duration(10e9)
	}
	if p.Kind == spec.ProbeNotify || p.Kind == spec.ProbeLog {
		d.report(mistake(CodeProbe, doc.Live.DefRange, "Probe cannot be repeated", fmt.Sprintf(
			"live asks again and again, which %s cannot answer: use http, tcp, grpc, exec or file.", p.Kind)))
		return nil
	}
	return p
}

// probe reads what ready and live share.
func (d *decoder) probe(w view, doc *serviceDoc, h *header) *spec.Probe {
	var found []*hcl.Attribute
	kinds := []spec.ProbeKind{spec.ProbeHTTP, spec.ProbeTCP, spec.ProbeGRPC, spec.ProbeExec, spec.ProbeLog, spec.ProbeFile, spec.ProbeNotify}
	for _, k := range kinds {
		attr, _ := w.get(string(k))
		if !d.given(attr) || k == spec.ProbeNotify && !w.truth("notify") {
			continue
		}
		found = append(found, attr)
	}
	out := &spec.Probe{
		Range: rangeOf(h.DefRange), Interval: w.period("interval"), Timeout: w.period("timeout"),
		Status: w.numbers("status", 100, 599), Headers: w.environment("headers"),
	}
	switch {
	case len(found) == 0:
		d.report(mistake(CodeProbe, h.DefRange, "Probe of no kind",
			"A probe has one of http, tcp, grpc, exec, log, file and notify."))
		return nil
	case len(found) > 1:
		first, second := found[0], found[1]
		d.report(mistake(CodeProbe, second.Range, "Probe of two kinds", fmt.Sprintf(
			"A probe has one kind, and this one has %s and %s: remove one.", first.Name, second.Name),
			related{first.Range, "the other kind"}))
		return nil
	}
	out.Kind = spec.ProbeKind(found[0].Name)
	if out.Kind != spec.ProbeHTTP {
		for _, name := range []string{"status", "headers"} {
			if attr, _ := w.get(name); attr != nil {
				d.report(mistake(CodeCombine, attr.Range, "Only with http", fmt.Sprintf("%s belongs to an http probe, and this one is %s.", name, out.Kind)))
			}
		}
	}
	d.probeTarget(w, out, doc)
	return out
}

// probeTarget reads what a probe looks at.
func (d *decoder) probeTarget(w view, out *spec.Probe, doc *serviceDoc) {
	name := string(out.Kind)
	expr, attr := w.native(name)
	if expr == nil {
		return
	}
	at := rangeOf(expr.Range())
	switch out.Kind {
	case spec.ProbeHTTP:
		out.Target = d.httpTarget(expr, doc)
	case spec.ProbeTCP, spec.ProbeGRPC:
		r := w.result(attr)
		x := wantString("status")
		x.from = d.hostPort(name, out.Kind == spec.ProbeGRPC)
		out.Target = expression(d, r, expr, name, x)
	case spec.ProbeExec:
		out.Argv = w.argv(name, expr)
	case spec.ProbeLog:
		s := w.text(name)
		if _, err := regexp.Compile(s); err != nil {
			d.report(badPattern(name, err, expr.Range()))
		}
		out.Target = spec.KnownAt(s, at, nil)
	case spec.ProbeFile:
		// A file that a service makes stands where the service does.
		s := w.text(name)
		dir := d.view(doc, "").path("dir")
		if dir != "" && !strings.HasPrefix(s, "/") {
			s = dir + "/" + s
		}
		out.Target = spec.KnownAt(d.l.path(s), at, nil)
	case spec.ProbeNotify:
		out.Target = spec.KnownAt("", at, nil)
	}
}

func badPattern(name string, err error, at hcl.Range) *hcl.Diagnostic {
	return mistake(CodePattern, at, "Wrong regular expression", fmt.Sprintf("%s: %s.", name, strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
}

// httpTarget makes the full URL of an http probe: a path is one of the
// service's own URL.
func (d *decoder) httpTarget(expr hclsyntax.Expression, doc *serviceDoc) spec.Expr[string] {
	r := d.e.value(scope{d.in}, expr)
	x := wantString("status")
	full := func(v cty.Value) (string, error) {
		s, ok := stringOf(v)
		if !ok {
			return "", fmt.Errorf("must be a string, not %s", typeName(v))
		}
		if err := checkURL(s, "http", "https"); err != nil {
			return s, fmt.Errorf("%w, or a path of the service's own such as \"/healthz\"", err)
		}
		return s, nil
	}
	x.from = full
	path, ok := stringOf(r.value)
	if r.failed || !ok || !strings.HasPrefix(path, "/") || isSensitive(r.value) {
		return expression(d, r, expr, "http", x)
	}
	if doc.Port == nil {
		d.report(mistake(CodeProbe, expr.Range(), "Probe without a port", fmt.Sprintf(
			"%q is a path of the service's own URL, and %s has no port: write %s, or a full URL.",
			path, d.in.addr, assign(expr.Range(), "port", "3000"))))
		return spec.Expr[string]{}
	}
	own := d.e.attributeOf(d.in, "url", expr.Range())
	if own.failed || own.value == cty.NilVal {
		return spec.Expr[string]{}
	}
	at := rangeOf(expr.Range())
	refs := []spec.Ref{{Addr: d.in.addr, Attribute: "url", Range: at}}
	if base, ok := stringOf(own.value); ok {
		return spec.KnownAt(base+path, at, refs)
	}
	addr := d.in.addr
	return spec.Later("self.url + "+strconv.Quote(path), at, refs, func(lookup spec.Lookup) (string, error) {
		got, err := lookup(addr, "url")
		if err != nil {
			return "", err
		}
		v, err := fromGo(got, cty.String)
		if err != nil {
			return "", err
		}
		base, _ := stringOf(v)
		return base + path, nil
	})
}

// exampleURLs are what a URL of a scheme may look like.
var exampleURLs = map[string]string{
	"http":     "http://127.0.0.1:3000/healthz",
	"tcp":      "tcp://127.0.0.1:5432",
	"postgres": "postgres://user@127.0.0.1:5432/name",
}

// checkURL reports a text that is no absolute URL of one of the schemes. It
// quotes nothing of it, which may be a secret.
func checkURL(s string, schemes ...string) error {
	if u, err := url.Parse(s); err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme) {
		return nil
	}
	example := exampleURLs[schemes[0]]
	if example != "" {
		example = fmt.Sprintf(", such as %q", example)
	}
	return fmt.Errorf("must be a URL that begins with %s://%s", strings.Join(schemes, ":// or "), example)
}

// hostPort returns the conversion of a port, or of "host:port", to the
// latter. The service's own host is meant where none is written.
func (d *decoder) hostPort(name string, service bool) func(cty.Value) (string, error) {
	own := "127.0.0.1"
	if r := d.e.attributeOf(d.in, "host", d.in.head.DefRange); !r.failed {
		if s, ok := stringOf(r.value); ok {
			own = s
		}
	}
	return func(v cty.Value) (string, error) {
		s, ok := stringOf(v)
		if !ok {
			return "", fmt.Errorf("must be a port or \"host:port\", not %s", typeName(v))
		}
		s, rest := s, ""
		if i := strings.Index(s, "/"); service && i >= 0 {
			s, rest = s[:i], s[i:]
		}
		host, port := own, s
		if strings.Contains(s, ":") {
			var err error
			if host, port, err = net.SplitHostPort(s); err != nil {
				return "", fmt.Errorf("must be a port or \"host:port\"")
			}
			if host == "" {
				host = own
			}
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", fmt.Errorf("must be a port between 1 and 65535, or \"host:port\"")
		}
		return net.JoinHostPort(host, port) + rest, nil
	}
}
