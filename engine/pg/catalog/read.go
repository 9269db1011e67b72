package catalog

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

//go:embed catalog.sql
var catalogSQL string

// The questions see one moment, and complete names; nothing of the session
// is changed by them.
const begin = `begin isolation level repeatable read read only;
set local search_path = pg_catalog; set local jit = off; set local datestyle = iso;
`

// readAttempts is how often the catalog is read where another session drops
// what is being described.
const readAttempts = 3

// Read returns the schema of the database behind conn, as of one moment. It
// takes one round trip, changes nothing, and needs no right but CONNECT. conn
// must not be in a transaction.
func Read(ctx context.Context, conn *pgx.Conn) (*Catalog, error) {
	return again(func() (*Catalog, error) { return read(ctx, conn, catalogSQL) })
}

// again reads until nobody interferes.
func again(read func() (*Catalog, error)) (*Catalog, error) {
	for n := 1; ; n++ {
		c, err := read()
		// The definitions are made by functions that see what is committed
		// now, not what the transaction sees.
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "XX000" && n < readAttempts {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
		return c, nil
	}
}

func read(ctx context.Context, conn *pgx.Conn, questions string) (*Catalog, error) {
	c := new(Catalog)
	err := ask(ctx, conn, questions, func(values [][]byte) error {
		o := Object{Kind: string(values[0]), Schema: string(values[1]), On: string(values[2]), Name: string(values[3])}
		var err error
		if o.Attributes, err = attributes(values[4]); err != nil {
			return fmt.Errorf("%s: %w", &o, err)
		}
		if !o.bookkeeping() {
			c.Objects = append(c.Objects, o)
		}
		return nil
	})
	slices.SortFunc(c.Objects, func(a, b Object) int { return a.key().compare(b.key()) })
	return c, err
}

// ask sends questions as one message, in a transaction of their own, and
// calls each with every row of the answers.
func ask(ctx context.Context, conn *pgx.Conn, questions string, each func(values [][]byte) error) error {
	if conn.PgConn().TxStatus() != 'I' {
		return errors.New("the connection is in a transaction")
	}
	results := conn.PgConn().Exec(ctx, begin+questions+"\ncommit")
	var failed error
	for results.NextResult() {
		rows := results.ResultReader()
		for rows.NextRow() {
			if failed == nil {
				failed = each(rows.Values())
			}
		}
		if _, err := rows.Close(); err != nil {
			break // Close of all of them returns it, too
		}
	}
	err := results.Close()
	if conn.PgConn().TxStatus() != 'I' && !conn.IsClosed() {
		_, back := conn.Exec(context.WithoutCancel(ctx), "rollback")
		err = errors.Join(err, back)
	}
	return errors.Join(err, failed)
}

// attributes reads a flat JSON object, as texts.
func attributes(text []byte) (map[string]string, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var raw map[string]any
	if err := dec.Decode(&raw); err != nil {
		return nil, err
	}
	all := make(map[string]string, len(raw))
	for name, v := range raw {
		if v != nil {
			all[name] = fmt.Sprint(v)
		}
	}
	return all, nil
}
