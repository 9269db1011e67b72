package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// Reader reads the schema over one connection again and again. Planning the
// questions is more than half of their work: it prepares them, for as long as
// the connection lasts, and takes those of others away. It is not for
// concurrent use.
type Reader struct {
	conn     *pgx.Conn
	prepared bool
}

// NewReader returns a Reader. It asks nothing yet.
func NewReader(conn *pgx.Conn) *Reader { return &Reader{conn: conn} }

// Read is like the function Read. What DISCARD ALL took away between two
// calls is prepared anew.
func (r *Reader) Read(ctx context.Context) (*Catalog, error) {
	return again(func() (*Catalog, error) {
		c, err := read(ctx, r.conn, r.questions())
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "26000" {
			r.prepared = false // invalid_sql_statement_name
			return read(ctx, r.conn, r.questions())
		}
		return c, err
	})
}

// questions returns the calls of the prepared statements, with the statements
// before them where they are not prepared.
func (r *Reader) questions() string {
	var prepare, execute strings.Builder
	execute.WriteString("set local plan_cache_mode = force_generic_plan;\n")
	for i, st := range script.Split(catalogSQL) {
		name := fmt.Sprintf("syndicate_catalog_%d", i)
		if !r.prepared {
			fmt.Fprintf(&prepare, "prepare %s as %s;\n", name, st.Text)
		}
		fmt.Fprintf(&execute, "execute %s;\n", name)
	}
	if !r.prepared {
		r.prepared = true
		return "deallocate all;\n" + prepare.String() + execute.String()
	}
	return execute.String()
}
