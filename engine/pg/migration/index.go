package migration

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// What PostgreSQL does concurrently it does in several transactions: one that
// is interrupted leaves an index behind that is never used, only written to.

type concurrentKind uint8

const (
	builds concurrentKind = iota + 1
	drops
	rebuilds
)

// concurrently is a statement that works on an index in several transactions.
type concurrently struct {
	kind  concurrentKind
	name  string // of an index: of the one built, without its schema; "" where PostgreSQL names it
	table string // quoted; of what is built
	scope string // of a rebuild: index, table, schema, database, system
	on    string // quoted; what is dropped or rebuilt
}

// concurrent reads CREATE, DROP and REINDEX … CONCURRENTLY.
func concurrent(st script.Statement) (concurrently, bool) {
	if !slices.Contains(st.Words, "concurrently") {
		return concurrently{}, false
	}
	r := &reader{tokens: slices.Collect(script.Tokens(st.Text))}
	switch {
	case r.skip("create"):
		r.skip("unique")
		if !r.skip("index") || !r.skip("concurrently") {
			return concurrently{}, false
		}
		r.all("if", "not", "exists")
		c := concurrently{kind: builds}
		if !r.skip("on") {
			c.name = r.one()
			r.skip("on")
		}
		r.skip("only")
		c.table = r.path()
		return c, c.table != ""
	case r.skip("drop"):
		if !r.skip("index") || !r.skip("concurrently") {
			return concurrently{}, false
		}
		r.all("if", "exists")
		c := concurrently{kind: drops, on: r.path()}
		return c, c.on != ""
	case r.skip("reindex"):
		r.parenthesis()
		c := concurrently{kind: rebuilds, scope: r.one()}
		r.skip("concurrently")
		c.on = r.path()
		return c, true
	}
	return concurrently{}, false
}

// reader goes over the tokens of a statement.
type reader struct{ tokens []script.Token }

// skip passes over a keyword, if it comes next.
func (r *reader) skip(word string) bool {
	if len(r.tokens) == 0 || r.tokens[0].Kind != script.Word || r.tokens[0].Name() != word {
		return false
	}
	r.tokens = r.tokens[1:]
	return true
}

func (r *reader) all(words ...string) {
	for _, w := range words {
		r.skip(w)
	}
}

// one takes a name.
func (r *reader) one() string {
	if len(r.tokens) == 0 {
		return ""
	}
	name := r.tokens[0].Name()
	r.tokens = r.tokens[1:]
	return name
}

// path takes a name, with its schema if it has one, and quotes it.
func (r *reader) path() string {
	var id pgx.Identifier
	for name := r.one(); name != ""; name = r.one() {
		id = append(id, name)
		if len(r.tokens) == 0 || r.tokens[0].Text != "." {
			break
		}
		r.tokens = r.tokens[1:]
	}
	if len(id) == 0 {
		return ""
	}
	return id.Sanitize()
}

// parenthesis passes over one.
func (r *reader) parenthesis() {
	if len(r.tokens) > 0 && r.tokens[0].Text == "(" {
		end := slices.IndexFunc(r.tokens, func(t script.Token) bool { return t.Text == ")" })
		r.tokens = r.tokens[end+1:]
	}
}

// mend makes way for a unit: it drops what an interrupted attempt at it left.
// done says that an earlier attempt, whose end nobody noted, has done it.
func (d *driver) mend(u script.Unit, doubt bool) (done bool, err error) {
	if u.Kind != script.Alone {
		return false, nil
	}
	c, ok := concurrent(u.Statements[0])
	if !ok {
		return false, nil
	}
	conn := d.session.conn
	if c.kind == drops {
		if !doubt {
			return false, nil
		}
		var gone bool
		err := conn.QueryRow(d.ctx, "select to_regclass($1) is null", c.on).Scan(&gone)
		return gone, err
	}
	if _, err := d.drop(d.ctx, c, doubt); err != nil {
		return false, err
	}
	if c.kind != builds || !doubt || c.name == "" {
		return false, nil
	}
	err = conn.QueryRow(d.ctx, `select exists (select from pg_index i join pg_class c on c.oid = i.indexrelid
		where i.indrelid = to_regclass($1) and c.relname = $2 and i.indisvalid)`, c.table, c.name).Scan(&done)
	return done, err
}

// drop drops the invalid indexes that interrupted attempts at a statement
// left, unless somebody builds them at this moment. Of an index without a
// name of its own, that is every invalid one of its table; only in doubt.
func (d *driver) drop(ctx context.Context, c concurrently, doubt bool) (dropped []string, err error) {
	where, args := "", []any{}
	switch {
	case c.kind == builds && c.name != "":
		where, args = "i.indrelid = to_regclass($1) and c.relname = $2", []any{c.table, c.name}
	case c.kind == builds && doubt:
		where, args = "i.indrelid = to_regclass($1)", []any{c.table}
	case c.kind == rebuilds:
		where = `c.relname ~ '_cc(new|old)[0-9]*$'`
		switch c.scope {
		case "index":
			where, args = where+" and i.indrelid = (select indrelid from pg_index where indexrelid = to_regclass($1))", []any{c.on}
		case "table":
			where, args = where+" and i.indrelid = to_regclass($1)", []any{c.on}
		case "schema":
			where, args = where+" and c.relnamespace = to_regnamespace($1)", []any{c.on}
		}
	default:
		return nil, nil
	}
	s := d.outside()
	rows, err := s.conn.Query(ctx, `
		select quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
		where not i.indisvalid and c.relkind = 'i' and n.nspname <> 'pg_toast' and `+where+`
		  and not exists (select from pg_stat_progress_create_index p where p.index_relid = c.oid)
		order by 1`, args...)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	for _, name := range found {
		if err := s.exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+name); err != nil {
			return dropped, err
		}
		dropped = append(dropped, name)
		d.progress(Event{Kind: EventMended, File: d.work.File, Down: d.work.Down,
			Text: fmt.Sprintf("the index %s, which an interrupted build left invalid, is dropped", name)})
	}
	return dropped, nil
}

// patience lifts lock_timeout for a statement that works concurrently, unless
// the file sets its own: it waits for the transactions of others, however
// long they take, and holds up nobody who reads or writes.
func (w *work) patience() string {
	if strings.Contains(strings.ToLower(w.text), "lock_timeout") {
		return ""
	}
	return "SET lock_timeout = 0"
}
