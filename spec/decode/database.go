package decode

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

func (d *decoder) database(doc *databaseDoc) *spec.Database {
	w := d.view(doc, "")
	out := &spec.Database{
		Block:        d.base(w.truth("critical")),
		Retry:        d.databaseRetry(doc.Retry),
		Health:       d.health(doc.Health),
		QueryTimeout: w.period("query_timeout"),
		SSL:          w.choice("ssl"),
		Stop:         spec.Stop{Signal: "SIGINT", Timeout: d.view(doc.Stop, "stop.").duration("timeout")},
		Log:          d.log(doc.Log),
	}
	d.checkSource(doc)
	src := d.e.source(d.in, doc)
	out.Source, out.SourceRange = src.kind, rangeOf(src.at)
	d.external(w, out, doc)
	switch {
	case out.Source == sourceManaged:
		out.Managed = d.managed(doc)
	case out.Source == sourceShared:
		out.Shared = d.shared(doc)
	case doc.Managed != nil:
		d.managed(doc) // for its mistakes
	}
	if doc.Migrations != nil {
		out.Migrations = d.migrations(doc.Migrations)
	}
	d.databaseExtras(out, doc)
	return out
}

// external reads what is written about a server that runs elsewhere. All of
// it is checked, whichever source is in force.
func (d *decoder) external(w view, out *spec.Database, doc *databaseDoc) {
	if expr, attr := w.native("url"); expr != nil {
		r := w.result(attr)
		if !r.failed && !isNull(r.value) {
			r.value = r.value.Mark(sensitiveMark{})
			x := wantText()
			x.from = func(v cty.Value) (spec.Text, error) {
				t, err := textOf(v)
				if err != nil || t.Reveal() == "" {
					return t, err
				}
				return t, checkURL(t.Reveal(), "postgres", "postgresql")
			}
			out.URL = expression(d, r, expr, "url", x)
			if t, ok := out.URL.Value(); ok {
				d.l.keepSecret(t.Reveal())
			}
		}
	}
	out.Host = d.textExpr(w, "host")
	out.DBName = d.filled(w, "name")
	out.User = d.filled(w, "user")
	if !out.DBName.IsSet() {
		name := d.in.addr.Name
		if out.Source == sourceShared && d.in.addr.Key != "" {
			name += "_" + d.in.addr.Key // its like may be in the same server
		}
		out.DBName = spec.Known(name)
	}
	out.Port = spec.Known(5432)
	if expr, attr := w.native("port"); expr != nil {
		r := w.result(attr)
		if !r.failed && !isNull(r.value) {
			out.Port = expression(d, r, expr, "port", want[int]{index: -1, shown: "status", from: func(v cty.Value) (int, error) {
				n, err := intOf(v)
				if err == nil && (n < 1 || n > 65535) {
					err = fmt.Errorf("must be between 1 and 65535, not %d", n)
				}
				return n, err
			}})
		}
	}
	if expr, attr := w.native("password"); expr != nil {
		r := w.result(attr)
		if !r.failed && !isNull(r.value) {
			r.value = r.value.Mark(sensitiveMark{})
			out.Password = expression(d, r, expr, "password", wantText())
			if t, ok := out.Password.Value(); ok && t.Reveal() != "" {
				d.l.keepSecret(t.Reveal())
			}
		}
	}
	d.onlyParts(doc)
}

// onlyParts reports parts of a URL that stand beside a URL without a host.
func (d *decoder) onlyParts(doc *databaseDoc) {
	if d.given(doc.Host) {
		return
	}
	for _, attr := range []*hcl.Attribute{doc.Port, doc.Password, doc.SSL} {
		if d.given(attr) {
			d.report(mistake(CodeCombine, attr.Range, "Only with host", fmt.Sprintf(
				"%s belongs to a server that is named by host, and there is no host: write it into the url.", attr.Name)))
		}
	}
}

// textExpr reads a string that may be known only later; unset where it is
// left out or null.
func (d *decoder) textExpr(w view, name string) spec.Expr[string] {
	expr, attr := w.native(name)
	if expr == nil {
		return spec.Expr[string]{}
	}
	r := w.result(attr)
	if !r.failed && isNull(r.value) {
		return spec.Expr[string]{}
	}
	return expression(d, r, expr, name, wantString("status"))
}

// filled is textExpr for a string that must say something.
func (d *decoder) filled(w view, name string) spec.Expr[string] {
	out := d.textExpr(w, name)
	if s, ok := out.Value(); ok && out.IsSet() && strings.TrimSpace(s) == "" {
		attr, f := w.get(name)
		d.report(emptyText(name, f, attr.Expr.Range()))
		return spec.Expr[string]{}
	}
	return out
}

func (d *decoder) databaseRetry(doc *dbRetryDoc) spec.Retry {
	w := d.view(doc, "retry.")
	return spec.Retry{Attempts: w.number("attempts", 1, 1e6), Backoff: w.backoff()}
}

func (d *decoder) health(doc *healthDoc) spec.Health {
	w := d.view(doc, "health.")
	return spec.Health{Interval: w.period("interval"), Timeout: w.period("timeout")}
}

// The major versions that a server may have. PostgreSQL has a new one each
// year, 18 being that of 2025.
const (
	leastVersion = 10
	mostVersion  = 30
)

// settingName is the form of a setting's name, such as
// auto_explain.log_min_duration.
var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$`)

func (d *decoder) managed(doc *databaseDoc) *spec.Managed {
	w := d.view(doc.Managed, "managed.")
	out := &spec.Managed{
		Version: w.number("version", leastVersion, mostVersion), DataDir: w.path("data_dir"), BinDir: w.path("bin_dir"),
		User: w.text("user"), Durability: w.choice("durability"),
		Settings: w.textMap("settings", settingName), Extensions: w.texts("extensions"),
		Port: spec.Port{Auto: true, Range: rangeOf(doc.DefRange)},
	}
	out.Range = rangeOf(doc.DefRange)
	if doc.Managed != nil {
		out.Range = rangeOf(doc.Managed.DefRange)
	}
	if p := w.port("port"); p != nil {
		out.Port = *p
	}
	w.chosen(&out.Port, d.in.addr.String())
	if out.DataDir == "" {
		out.DataDir = d.dataDir()
	}
	for _, name := range sortedKeys(out.Settings) {
		switch name {
		case "port", "listen_addresses", "unix_socket_directories", "data_directory":
			d.report(mistake(CodeCombine, doc.Managed.Settings.Range, "Setting of syndicate's own",
				fmt.Sprintf("%s is set by syndicate, which needs to know it: remove it from settings.", name)))
		}
	}
	return out
}

// shared reads which server a database is in. All else that managed says of
// a server is the other block's.
func (d *decoder) shared(doc *databaseDoc) *spec.Shared {
	m := doc.Managed
	w := d.view(m, "managed.")
	out := &spec.Shared{Range: rangeOf(m.DefRange), Extensions: w.texts("extensions")}
	for _, attr := range []*hcl.Attribute{m.Version, m.DataDir, m.BinDir, m.Port, m.User, m.Durability, m.Settings} {
		if d.given(attr) {
			d.report(mistake(CodeCombine, attr.Range, "The server is another block's", fmt.Sprintf(
				"%s is of a server, and this database is in the server of another one: write it there.", attr.Name), related{m.Server.Range, "the server"}))
		}
	}
	addr, t := d.oneBlock(m.Server, "a managed database", spec.KindDatabase)
	if t == nil {
		return out
	}
	out.Server = addr
	host := t.instances[0]
	if host == d.in {
		d.report(mistake(CodeCombine, m.Server.Range, "A server of its own", "A database cannot share its own server: leave server out."))
		return out
	}
	if src := d.e.source(host, host.doc.(*databaseDoc)); !src.failed && src.kind != sourceManaged {
		d.report(mistake(CodeCombine, m.Server.Range, "No server to share", fmt.Sprintf(
			"%s has no server of its own: name a database whose server syndicate runs.", addr), related{src.at, "where it is"}))
		return out
	}
	d.orders = append(d.orders, usage{host, "server", t.at})
	return out
}

// dataDir is where a managed server keeps its data by default. The server
// refuses to run as root, and its user cannot reach into state_dir then.
func (d *decoder) dataDir() string {
	name := d.in.addr.File()
	root := os.Geteuid() == 0
	if d.l.o.Superuser != nil {
		root = *d.l.o.Superuser
	}
	if !root {
		return filepath.Join(d.l.system.StateDir, "pg", name)
	}
	sum := sha256.Sum256([]byte(d.l.system.StateDir))
	return filepath.Join("/var/lib/syndicate", hex.EncodeToString(sum[:6]), name)
}

func (d *decoder) migrations(doc *migrationsDoc) *spec.Migrations {
	w := d.view(doc, "migrations.")
	out := &spec.Migrations{
		Range: rangeOf(doc.DefRange), Path: w.path("path"), OnUp: w.choice("on_up"), LockTimeout: w.period("lock_timeout"),
	}
	if out.Path != "" {
		w.directory("path", out.Path, "migrations directory")
	}
	return out
}

// mostConnections is how many PostgreSQL allows at most: MAX_BACKENDS.
const mostConnections = 1<<18 - 1

// databaseExtras reads the blocks that shape how a database is used.
func (d *decoder) databaseExtras(out *spec.Database, doc *databaseDoc) {
	if doc.Pool != nil {
		w := d.view(doc.Pool, "pool.")
		out.Pool = &spec.Pool{
			Range: rangeOf(doc.Pool.DefRange), Min: w.number("min", 0, mostConnections), Max: w.number("max", 1, mostConnections),
			AcquireTimeout: w.period("acquire_timeout"),
		}
		if out.Pool.Min > out.Pool.Max {
			d.report(mistake(CodeCombine, doc.Pool.DefRange, "Bounds out of order",
				fmt.Sprintf("min is %d, which is more than max, %d.", out.Pool.Min, out.Pool.Max)))
		}
	}
	if doc.Gateway != nil {
		w := d.view(doc.Gateway, "gateway.")
		g := &spec.Gateway{
			Range: rangeOf(doc.Gateway.DefRange), Listen: w.listen("listen"),
			MaxConn: w.number("max_conn", 1, mostConnections), MaxWaiting: w.number("max_waiting", 0, 1e6),
			AcquireTimeout: w.period("acquire_timeout"), SlowQuery: w.period("slow_query"), Pooler: w.choice("pooler"),
		}
		if g.Pooler != "" && g.SlowQuery > 0 {
			d.report(mistake(CodeCombine, doc.Gateway.SlowQuery.Range, "Not beside pooler",
				"slow_query is what the gateway itself notes, and with pooler there is PgBouncer instead. Set log_min_duration_statement of the server."))
		}
		if doc.Gateway.TLS != nil {
			t := d.view(doc.Gateway.TLS, "gateway.tls.")
			g.TLSCert, g.TLSKey = t.path("cert"), t.path("key")
		}
		if w.truth("enabled") {
			out.Gateway = g
		}
	}
	if doc.Breaker != nil {
		p := d.rules(d.view(doc.Breaker, "breaker."), &doc.Breaker.breakerRuleDoc)
		out.Breaker = &p
	}
	if doc.Schema != nil {
		out.Schema = d.schema(doc.Schema)
	}
}

func (d *decoder) schema(doc *schemaDoc) []spec.Table {
	var out []spec.Table
	seen := map[string]hcl.Range{}
	for _, t := range doc.Tables {
		if first, ok := seen[t.Label]; ok {
			d.report(mistake(CodeDuplicateBlock, t.DefRange, "Second table with this name",
				fmt.Sprintf("The table %q stands twice; the first is at %s.", t.Label, place(first)), related{first, "the first one"}))
			continue
		}
		seen[t.Label] = t.DefRange
		w := d.view(t, "schema."+t.Label+".")
		columns := w.textMap("columns", anyName)
		for _, name := range sortedKeys(columns) {
			if strings.TrimSpace(columns[name]) == "" {
				d.report(mistake(CodeEmpty, t.Columns.Expr.Range(), "Empty text", fmt.Sprintf("The type of the column %q is empty.", name)))
			}
		}
		out = append(out, spec.Table{
			Name: t.Label, Range: rangeOf(t.DefRange), Columns: columns,
			NotNull: w.texts("not_null"), Indexes: w.texts("indexes"),
		})
	}
	return out
}

// anyName is the form of a name that is not empty.
var anyName = regexp.MustCompile(`\S`)

// listen reads an address to listen on, "" where it is left out.
func (w view) listen(name string) string {
	s := w.text(name)
	if s == "" {
		return ""
	}
	attr, _ := w.get(name)
	if _, port, ok := cutPort(s); !ok || port < 1 {
		w.d.report(notHostPort(attr))
		return ""
	}
	return s
}

// cutPort splits HOST:PORT.
func cutPort(s string) (string, int, bool) {
	i := strings.LastIndex(s, ":")
	if i < 0 {
		return "", 0, false
	}
	n, err := intOf(cty.StringVal(s[i+1:]))
	return s[:i], n, err == nil && n <= 65535
}
