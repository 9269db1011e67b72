package decode

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

// writtenAddress is an entry of env, or a part of a command, whose value, known
// while planning, holds addresses.
type writtenAddress struct {
	name   string // env.DATABASE_URL
	entry  string // of env: DATABASE_URL; empty in a command
	shell  bool   // a command for the shell, which takes values from env alone
	whole  bool   // the value is one literal string
	at     hcl.Range
	places []hostPort
}

// hostPort is an address inside of a text.
type hostPort struct {
	host string
	port int
}

// noteEntry keeps the addresses in an entry of env for checkAddresses.
func (d *decoder) noteEntry(attr, name string, r result, v cty.Value, expr hclsyntax.Expression) {
	d.noteAddresses(writtenAddress{name: attr + "." + name, entry: name}, r, v, expr)
}

// noteAddresses keeps the addresses in a value for checkAddresses. A value that
// a transparent block gave is that block's affair.
func (d *decoder) noteAddresses(a writtenAddress, r result, v cty.Value, expr hclsyntax.Expression) {
	text, ok := stringOf(v)
	if k := d.in.addr.Kind; r.failed || !ok || !strings.Contains(text, ":") || k != spec.KindService && k != spec.KindTask {
		return
	}
	for _, u := range r.uses {
		if u.target != nil && !u.target.enabled {
			return
		}
	}
	if a.places = addressesIn(text); len(a.places) > 0 {
		_, a.whole = literalText(expr)
		if u, err := url.Parse(text); a.entry == "" && (err != nil || u.Host == "") {
			a.whole = false // such as --to=localhost:3000
		}
		a.at = expr.Range()
		d.addresses = append(d.addresses, a)
	}
}

// addressesIn finds each HOST:PORT in a text, and each URL of a scheme whose
// port is known.
func addressesIn(text string) []hostPort {
	var out []hostPort
	for i := 0; i < len(text); i++ {
		if text[i] != ':' {
			continue
		}
		if strings.HasPrefix(text[i:], "://") {
			if p, ok := portlessURL(text, i); ok {
				out = append(out, p)
			}
			continue
		}
		end := i + 1
		for end < len(text) && '0' <= text[end] && text[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(text[i+1 : end])
		if err != nil || n < 1 || n > 65535 || end < len(text) && hostByte(text[end]) && text[end] != '.' {
			continue
		}
		if host := hostBefore(text, i); host != "" {
			out = append(out, hostPort{host, n})
		}
	}
	return out
}

// hostBefore returns the host that ends before i, without the brackets of an
// IPv6 address.
func hostBefore(text string, i int) string {
	if i > 0 && text[i-1] == ']' {
		return text[strings.LastIndexByte(text[:i], '[')+1 : i-1]
	}
	from := i
	for from > 0 && hostByte(text[from-1]) {
		from--
	}
	return text[from:i]
}

func hostByte(c byte) bool {
	return c == '.' || c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// portlessURL reads the URL whose "://" stands at i, where it has no port of
// its own.
func portlessURL(text string, i int) (hostPort, bool) {
	port := 0
	switch hostBefore(text, i) {
	case "http", "ws":
		port = 80
	case "https", "wss":
		port = 443
	case "postgres", "postgresql":
		port = 5432
	}
	rest := text[i+len("://"):]
	if end := strings.IndexAny(rest, "/?#,;\"' \n"); end >= 0 {
		rest = rest[:end]
	}
	host := strings.Trim(rest[strings.LastIndexByte(rest, '@')+1:], "[]")
	if port == 0 || host == "" || strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return hostPort{}, false
	}
	return hostPort{host, port}, true
}

// checkAddresses warns of addresses in env and in commands that point at another block
// without depending on it.
func (l *loader) checkAddresses(all []*decoder, g *edges) {
	if len(all) == 0 {
		return
	}
	byPort := map[int][]spec.Listener{}
	for _, x := range append(spec.Listeners(l.system), externalServers(l.system)...) {
		if !x.Addr.IsZero() {
			byPort[x.Port] = append(byPort[x.Port], x)
		}
	}
	linked := map[[2]spec.Addr]bool{}
	for _, e := range g.list {
		linked[[2]spec.Addr{e.From, e.To}] = true
	}
	for _, d := range all {
		for _, a := range d.addresses {
			d.checkAddress(a, byPort, linked)
		}
	}
}

// externalServers lists the databases that run elsewhere and whose addresses
// are known.
func externalServers(s *spec.System) []spec.Listener {
	var out []spec.Listener
	for _, db := range s.Databases {
		x := spec.Listener{Addr: db.Addr, Name: db.Addr.String(), Value: db.Addr.String() + ".url"}
		switch db.Source {
		case sourceURL:
			t, _ := db.URL.Value()
			u, err := url.Parse(t.Reveal())
			if err != nil {
				continue
			}
			x.Host, x.Port = u.Hostname(), 5432
			if n, err := strconv.Atoi(u.Port()); err == nil {
				x.Port = n
			}
		case sourceParts:
			x.Host, _ = db.Host.Value()
			x.Port, _ = db.Port.Value()
		}
		if x.Host != "" {
			out = append(out, x)
		}
	}
	return out
}

func (d *decoder) checkAddress(a writtenAddress, byPort map[int][]spec.Listener, linked map[[2]spec.Addr]bool) {
	var said []spec.Addr
	for _, p := range a.places {
		for _, x := range byPort[p.port] {
			b := d.l.blocks[x.Addr.Block()]
			if !reaches(p.host, x.Host) || x.Addr == d.in.addr || linked[[2]spec.Addr{d.in.addr, x.Addr}] ||
				slices.Contains(said, x.Addr) || b != nil && contains(d.noWait, b.instance(x.Addr)) {
				continue
			}
			said = append(said, x.Addr)
			d.report(warning(CodeLiteralURL, a.at, "Literal address of another block", fmt.Sprintf(
				"%s points at the port of %s, but %s does not wait for it. %s: then it does.", a.name, x.Name, d.in.addr, a.instead(x.Value))))
		}
	}
}

// instead says how to write the reference that gives an address.
func (a writtenAddress) instead(reference string) string {
	switch {
	case a.shell:
		env := assign(a.at, "env", object(a.at, "VALUE", value(a.at, reference)))
		return fmt.Sprintf("Write %s and $VALUE in the command instead", env)
	case !a.whole || !strings.HasSuffix(reference, "url"):
		return fmt.Sprintf("Use %s in it instead", reference)
	case a.entry == "":
		return fmt.Sprintf("Write %s instead", value(a.at, reference))
	}
	return fmt.Sprintf("Write %s instead", assign(a.at, a.entry, value(a.at, reference)))
}

// reaches reports whether who connects to a host finds what listens on
// another.
func reaches(host, listens string) bool {
	return strings.EqualFold(host, listens) || thisMachine(host) && thisMachine(listens)
}

func thisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || strings.EqualFold(host, "localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// instance returns the instance with an address.
func (b *block) instance(a spec.Addr) *instance {
	for _, in := range b.instances {
		if in.addr == a {
			return in
		}
	}
	return nil
}
