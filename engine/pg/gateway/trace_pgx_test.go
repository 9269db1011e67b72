package gateway

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// tracePGX asks in every way that pgx has.
func tracePGX(t *testing.T, d traced, address string) string {
	ctx := within(t)
	conn, err := pgx.Connect(ctx, d.dsn(address)+"?sslmode=prefer&statement_cache_capacity=8")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for n := range 30 { // more statements than are kept prepared
		rows, err := conn.Query(ctx, fmt.Sprintf("select id, body, at, tags, doc from a where id %% %d = $1 order by id", n+2), 1)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
		}
		if rows.Err() != nil {
			t.Error(rows.Err())
		}
	}
	var batch pgx.Batch
	for n := range 50 {
		batch.Queue("select noisy($1)", n)
		batch.Queue("select body from a where id = $1", n)
	}
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		t.Error(err)
	}
	if _, err := conn.Exec(ctx, "create temp table c (id int, body text)"); err != nil {
		t.Error(err)
	}
	rows := make([][]any, 2000)
	for i := range rows {
		rows[i] = []any{i, strings.Repeat("y", i%100)}
	}
	// Text, since a binary copy asks for the type of the table, which has
	// another number each time.
	var text strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&text, "%d\t%s\n", r[0], r[1])
	}
	if tag, err := conn.PgConn().CopyFrom(ctx, strings.NewReader(text.String()), "copy c from stdin"); err != nil || tag.RowsAffected() != 2000 {
		t.Error(tag, err)
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "select 1/0"); state(err) != "22012" {
		t.Error(err)
	}
	if _, err := tx.Exec(ctx, "select 1"); state(err) != "25P02" {
		t.Error(err)
	}
	_ = tx.Rollback(ctx)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeCacheDescribe} {
		var n int
		if err := conn.QueryRow(ctx, "select $1::int + 1", mode, 41).Scan(&n); err != nil || n != 42 {
			t.Error(mode, n, err)
		}
	}
	p := conn.PgConn().StartPipeline(ctx)
	for n := range 20 {
		p.SendPrepare(fmt.Sprint("s", n), "select body from a where id = $1", nil)
		p.SendQueryPrepared(fmt.Sprint("s", n), [][]byte{[]byte("9")}, nil, nil)
		if n%5 == 4 {
			p.SendQueryParams("select 1/0", nil, nil, nil, nil)
			if err := p.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = p.Close()
	tracePGXCopies(t, ctx, conn)
	tracePGXRest(t, ctx, conn, d)
	return ""
}

// tracePGXCopies copies in binary, both ways, and lets a copy fail.
func tracePGXCopies(t *testing.T, ctx context.Context, conn *pgx.Conn) {
	rows := make([][]any, 3000)
	for i := range rows {
		rows[i] = []any{i, strings.Repeat("z", i%200)}
	}
	if n, err := conn.CopyFrom(ctx, pgx.Identifier{"rows"}, []string{"id", "body"}, pgx.CopyFromRows(rows)); n != 3000 || err != nil {
		t.Error(n, err)
	}
	var out strings.Builder
	if tag, err := conn.PgConn().CopyTo(ctx, &out, "copy rows to stdout binary"); err != nil || tag.RowsAffected() != 3000 {
		t.Error(tag, err)
	}
	if _, err := conn.PgConn().CopyFrom(ctx, strings.NewReader("no number\tx\n"), "copy rows from stdin"); state(err) != "22P02" {
		t.Error(err)
	}
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{"rows"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}, {"no number"}})); err == nil {
		t.Error("a row of the wrong type was copied")
	}
	if _, err := conn.PgConn().CopyFrom(ctx, iotest.ErrReader(io.ErrNoProgress), "copy rows from stdin"); err == nil {
		t.Error("a source that fails was copied")
	}
}

// tracePGXRest is large objects, notifications, cursors, and a cancel.
func tracePGXRest(t *testing.T, ctx context.Context, conn *pgx.Conn, d traced) {
	must := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql, args...); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	large := tx.LargeObjects()
	if _, err := large.Create(ctx, 4712); err != nil {
		t.Error(err)
	}
	o, err := large.Open(ctx, 4712, pgx.LargeObjectModeRead|pgx.LargeObjectModeWrite)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := o.Write([]byte(strings.Repeat("large", 50000))); n != 250000 || err != nil {
		t.Error(n, err)
	}
	if _, err := o.Seek(100, io.SeekStart); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(o); err != nil || len(b) != 249900 {
		t.Error(len(b), err)
	}
	if err := large.Unlink(ctx, 4712); err != nil {
		t.Error(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Error(err)
	}
	must("listen news")
	must("select pg_notify('news', $1)", "hello")
	if n, err := conn.WaitForNotification(ctx); err != nil || n.Payload != "hello" {
		t.Error(n, err)
	}
	must("")
	must("begin; declare c scroll cursor for select * from a order by id; fetch 100 from c; fetch last from c; close c; commit")
	if got := conn.PgConn().ExecParams(ctx, "", nil, nil, nil, nil).Read(); got.Err != nil {
		t.Error(got.Err)
	}
	slept := make(chan error)
	go func() {
		_, err := conn.Exec(ctx, "select pg_sleep(60)")
		slept <- err
	}()
	eventually(t, "it sleeps", func() bool {
		return pgtest.Query(t, d.server, fmt.Sprintf("select count(*)::text from pg_stat_activity where pid = %d and state = 'active' and query = 'select pg_sleep(60)'", conn.PgConn().PID())) == "1"
	})
	if err := conn.PgConn().CancelRequest(ctx); err != nil {
		t.Error(err)
	}
	if err := <-slept; state(err) != "57014" {
		t.Error(err)
	}
	must("do $$begin raise exception 'the last word' using errcode = 'P0042'; exception when sqlstate 'P0042' then raise notice 'heard'; end$$")
}
