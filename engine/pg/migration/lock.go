package migration

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
)

// lockIDs are the two advisory locks of golang-migrate: its library hashes
// the database's name, its command line the path of the URL. Whoever holds
// both excludes both.
func (s *session) lockIDs() ([]int64, error) {
	var ids []int64
	for _, name := range []string{s.database, "/" + s.database} {
		id, err := lockID(name, s.sql.schema)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// lockID is the lock that golang-migrate takes under a name.
func lockID(name, schema string) (int64, error) {
	text, err := database.GenerateAdvisoryLockId(name, schema, versionTable)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// ownLock is the lock of second sessions: see runApart.
func (s *session) ownLock() (int64, error) {
	return lockID("syndicate/"+s.database, s.sql.schema)
}

// lock takes both locks. It asks again and again instead of waiting inside
// the server: a session that waits there holds a snapshot, and CREATE INDEX
// CONCURRENTLY of the one that holds the lock would wait for that, until the
// server ends one of the two. Having both it waits, too, until no second session
// runs that belonged to one who is gone. waiting is told of each new holder.
func (s *session) lock(ctx context.Context, waiting func(Holder)) error {
	ids, err := s.lockIDs()
	own, err2 := s.ownLock()
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("lock the migrations: %w", err)
	}
	ids = append(ids, own)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	told, last := false, 0
	for i := 0; i < len(ids); {
		var got bool
		if err := s.conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", ids[i]).Scan(&got); err != nil {
			return s.lockError(ctx, err)
		}
		if got {
			i++
			continue
		}
		// A holder that cannot be named is told, too, but once only.
		h, err := s.holder(ctx, ids[i])
		if err == nil && !told || h.PID != 0 && h.PID != last {
			told, last = true, h.PID
			waiting(h)
		}
		timer.Reset(pg.RetryAfter(time.Since(start)))
		select {
		case <-ctx.Done():
			return s.lockError(ctx, nil)
		case <-timer.C:
		}
	}
	if _, err := s.conn.Exec(ctx, "select pg_advisory_unlock($1)", own); err != nil {
		return s.lockError(ctx, err)
	}
	s.locked = true
	return nil
}

// unlock gives up both locks, if it has them.
func (s *session) unlock(ctx context.Context) error {
	if !s.locked {
		return nil
	}
	ids, err := s.lockIDs()
	if err != nil {
		return err
	}
	s.locked = false
	batch := &pgx.Batch{}
	for _, id := range ids {
		batch.Queue("select pg_advisory_unlock($1)", id)
	}
	return s.conn.SendBatch(ctx, batch).Close()
}

func (s *session) lockError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("lock the migrations: %w", context.Cause(ctx))
	}
	return pg.ConnectError("lock the migrations", s.to, err)
}

// Holder is who holds the migrations' lock.
type Holder struct {
	PID         int       // of the server's process
	User        string    // role
	Application string    // as it calls itself
	Client      string    // address, "" over a socket or where hidden
	Since       time.Time // when it connected
	Query       string    // what it runs or ran last, at most a line

	// Of whom a step waits for:
	Table string        // that the step waits for; "" where that is no table's lock
	State string        // active, idle in transaction, …; "" where the role may not see it
	Began time.Time     // its transaction, by the server's clock
	Took  time.Duration // since then
}

// String says who it is in a few words.
func (h Holder) String() string {
	if h.PID == 0 {
		return "another session"
	}
	text := fmt.Sprintf("process %d of the server", h.PID)
	if h.Application != "" {
		text = h.Application + ", " + text
	}
	if h.User != "" {
		text += ", as " + h.User
	}
	if h.Client != "" {
		text += ", from " + h.Client
	}
	return text
}

// Blocks says who it is whom a step waits for, and what with. What it runs is
// not said: that may have values that are nobody's business.
func (h Holder) Blocks() string {
	text := h.String()
	if h.Table != "" {
		text = "table " + h.Table + ", which is locked by " + text
	}
	if h.State != "" {
		text += ", " + h.State
	}
	if !h.Began.IsZero() {
		text += fmt.Sprintf(", its transaction began %s ago (%s)", h.Took.Round(time.Second), h.Began.UTC().Format("15:04:05 UTC"))
	}
	return text
}

// holder finds who holds one of the locks. It sees what the role may see.
func (s *session) holder(ctx context.Context, id int64) (Holder, error) {
	var h Holder
	var since *time.Time
	err := s.conn.QueryRow(ctx, `
		select a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''),
		       coalesce(host(a.client_addr), ''), a.backend_start,
		       coalesce(left(split_part(a.query, E'\n', 1), 100), '')
		from pg_locks l join pg_stat_activity a on a.pid = l.pid
		where l.locktype = 'advisory' and l.granted and l.objsubid = 1
		  and l.database = (select oid from pg_database where datname = current_database())
		  and l.classid::bigint = $1::bigint >> 32 and l.objid::bigint = $1::bigint & 4294967295
		limit 1`, id).Scan(&h.PID, &h.User, &h.Application, &h.Client, &since, &h.Query)
	if since != nil {
		h.Since = *since
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return Holder{}, nil
	}
	return h, err
}
