package catalog

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// recordTable holds at most one row: the schema as it was after the last
// migration, so that what changes it behind the migrations' back is noticed.
const recordTable = "syndicate_schema"

// Recorded is a schema that was kept after a migration.
type Recorded struct {
	Version *uint64 // of the ledger then; nil: nothing was applied
	At      time.Time
	Catalog *Catalog
}

// Record keeps the schema of the database behind conn, in the database
// itself, as the one that its migrations left behind. It takes the place of
// what was kept before. Whoever migrates must not do so meanwhile.
func Record(ctx context.Context, conn *pgx.Conn) error {
	now, err := present(ctx, conn)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// Two that record at once would both find no table.
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtext('"+recordTable+"'))"); err != nil {
			return err
		}
		there, err := recordThere(ctx, tx)
		if err != nil {
			return err
		}
		if !there {
			if _, err := tx.Exec(ctx, createRecord); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, deleteRecord); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, insertRecord, now.version, now.fingerprint, now.packed)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the schema: %w", err)
	}
	return nil
}

// The statements of Record.
const (
	createRecord = "create table " + recordTable + " (version bigint, recorded_at timestamptz not null, fingerprint text not null, catalog bytea not null)"
	deleteRecord = "delete from " + recordTable
	insertRecord = "insert into " + recordTable + " (version, recorded_at, fingerprint, catalog) values ($1, now(), $2, $3)"
)

// Recording returns what writes the statements of Record into text, and runs
// none of them. Of the schema itself it tells the size.
func Recording(text *string) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) error {
		now, err := present(ctx, conn)
		if err != nil {
			return err
		}
		there, err := recordThere(ctx, conn)
		if err != nil {
			return fmt.Errorf("record the schema: %w", err)
		}
		version := "null"
		if now.version != nil {
			version = strconv.FormatUint(*now.version, 10)
		}
		sql := []string{"begin"}
		if !there {
			sql = append(sql, createRecord)
		}
		sql = append(sql, deleteRecord, strings.NewReplacer("$1", version, "$2", "'"+now.fingerprint+"'",
			"$3", fmt.Sprintf("/* the schema, in %d bytes */", len(now.packed))).Replace(insertRecord), "commit")
		*text = strings.Join(sql, ";\n") + ";\n"
		return nil
	}
}

// standing is a schema as it is recorded.
type standing struct {
	version     *uint64
	fingerprint string
	packed      []byte
}

// present reads what there is to record.
func present(ctx context.Context, conn *pgx.Conn) (standing, error) {
	version, dirty, err := ledger(ctx, conn)
	if err != nil {
		return standing{}, fmt.Errorf("record the schema: %w", err)
	}
	if dirty {
		return standing{}, errors.New("record the schema: the database is dirty: a migration may be half applied")
	}
	c, err := Read(ctx, conn)
	if err != nil {
		return standing{}, err
	}
	packed, err := pack(c)
	if err != nil {
		return standing{}, fmt.Errorf("record the schema: %w", err)
	}
	return standing{version: version, fingerprint: string(c.Fingerprint()), packed: packed}, nil
}

// Keep records the schema where nothing is recorded for the version that the
// database is at: so after each migration, and once before the first. A dirty
// database is left alone.
func Keep(ctx context.Context, conn *pgx.Conn) error {
	version, dirty, err := ledger(ctx, conn)
	if err != nil || dirty {
		return err
	}
	there, err := recordThere(ctx, conn)
	if err != nil {
		return err
	}
	if there {
		var same bool
		err := conn.QueryRow(ctx, "select exists (select from "+recordTable+" where version is not distinct from $1)", version).Scan(&same)
		if err != nil || same {
			return err
		}
	}
	return Record(ctx, conn)
}

// ledger reads golang-migrate's table. A nil version is that of a database
// that nothing is applied to.
func ledger(ctx context.Context, conn *pgx.Conn) (version *uint64, dirty bool, err error) {
	var there bool
	err = conn.QueryRow(ctx, "select to_regclass(quote_ident(current_schema()) || '.schema_migrations') is not null").Scan(&there)
	if err != nil || !there {
		return nil, false, err
	}
	var n int64
	err = conn.QueryRow(ctx, "select version, dirty from schema_migrations limit 1").Scan(&n, &dirty)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err == nil && n >= 0 {
		v := uint64(n)
		version = &v
	}
	return version, dirty, err
}

// queryer is a connection or a transaction.
type queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func recordThere(ctx context.Context, q queryer) (there bool, err error) {
	err = q.QueryRow(ctx, "select to_regclass(quote_ident(current_schema()) || '."+recordTable+"') is not null").Scan(&there)
	return there, err
}

// ReadRecord returns the schema that was recorded last, nil where there is
// none.
func ReadRecord(ctx context.Context, conn *pgx.Conn) (*Recorded, error) {
	there, err := recordThere(ctx, conn)
	if err != nil || !there {
		return nil, err
	}
	r := new(Recorded)
	var text []byte
	err = conn.QueryRow(ctx, "select version, recorded_at, catalog from "+recordTable+" limit 1").Scan(&r.Version, &r.At, &text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		r.Catalog, err = unpack(text)
	}
	if err != nil {
		return nil, fmt.Errorf("read the recorded schema: %w", err)
	}
	return r, nil
}

// pack makes a catalog small: a tenth of its JSON.
func pack(c *Catalog) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := errors.Join(json.NewEncoder(z).Encode(c), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// largestRecord bounds what a recorded schema unpacks to, in bytes.
const largestRecord = 256 << 20

func unpack(text []byte) (*Catalog, error) {
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := new(Catalog)
	return c, json.NewDecoder(io.LimitReader(z, largestRecord)).Decode(c)
}

// Drift returns how a live schema differs from what was recorded, without
// what comes and goes while a system runs: partitions, of a table that is
// partitioned in both.
func (r *Recorded) Drift(live *Catalog) []Difference {
	before, after := index(r.Catalog), index(live)
	var all []Difference
	for _, d := range Diff(r.Catalog, live) {
		if d.Change == Changed || !partition(&d.Object, before, after) {
			all = append(all, d)
		}
	}
	return all
}

// partition reports whether the object is a partition of a table that two
// catalogs have.
func partition(o *Object, catalogs ...map[key]*Object) bool {
	if o.Kind != "table" || o.Attributes["partition bound"] == "" {
		return false
	}
	schema, name := splitName(o.Attributes["parents"])
	for _, c := range catalogs {
		if c[key{schema: schema, kind: "table", name: name}] == nil {
			return false
		}
	}
	return true
}
