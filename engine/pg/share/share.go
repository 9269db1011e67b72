package share

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
)

// Entry is a text on the board.
type Entry struct {
	Version int64
	Value   []byte
	Age     time.Duration // since it was written, by the server's clock
}

// Config says what is shared, and with whom.
type Config struct {
	// Key names the entry: whoever has the same one shares it.
	Key string
	// Endpoint returns where the database is. It is asked before each
	// attempt to connect.
	Endpoint func() (pg.Endpoint, error)
	// Settle decides what becomes of the entry, nil where there is none: it
	// returns the text to write in its place, or nil. Nobody else writes
	// until Agreed was told the outcome. Agreed returns whether to look again
	// at once. An error ends Follow.
	Settle func(*Entry) ([]byte, error)
	Agreed func(Entry) (again bool, err error)
	// Changed has a value where there is something to settle.
	Changed <-chan struct{}
	// Connected is told nil once the entry was read, and the reason each
	// time it can no longer be.
	Connected func(error)
}

// How often to connect again: it takes at most that long to find a database
// that is back.
const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 2 * time.Second
)

const (
	// lookEvery finds a connection that has died without a word.
	lookEvery = 10 * time.Second
	// lookMost is how long a look may take.
	lookMost = 5 * time.Second
)

// Follow keeps an entry in common with everybody who follows it, until ctx
// ends. While the database cannot be reached it goes on trying.
func Follow(ctx context.Context, cfg Config) error {
	retry := retryFirst
	for {
		began := time.Now()
		err := follow(ctx, &cfg)
		if ctx.Err() != nil {
			return nil
		}
		if broken, ok := errors.AsType[*unreadable](err); ok {
			return broken.err
		}
		cfg.Connected(err)
		if time.Since(began) > lookEvery {
			retry = retryFirst
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry):
		}
		retry = min(2*retry, retryMost)
	}
}

// unreadable is an error of whoever shares the entry.
type unreadable struct{ err error }

func (e *unreadable) Error() string { return e.err.Error() }

// follow does so over one connection.
func follow(ctx context.Context, cfg *Config) error {
	conn, err := connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	for {
		again, err := look(ctx, conn, cfg)
		if err != nil {
			return err
		}
		cfg.Connected(nil)
		if !again {
			if err := wait(ctx, conn, cfg); err != nil {
				return err
			}
		}
	}
}

// The table and the channel have one name.
const table = "syndicate_shared"

func connect(ctx context.Context, cfg *Config) (*pgx.Conn, error) {
	to, err := cfg.Endpoint()
	if err != nil {
		return nil, err
	}
	config, err := to.Config()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookMost)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, pg.ConnectError("connect to the database that is shared", to, err)
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// Two that make a table at the same time are no error this way.
		_, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtext('"+table+"'))")
		if err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, "select to_regclass('"+table+"') is not null").Scan(&there); err != nil || there {
			return err
		}
		_, err = tx.Exec(ctx, "create table "+table+" (key text primary key, version bigint not null, value text not null, written_at timestamptz not null)")
		return err
	})
	if err == nil {
		_, err = conn.Exec(ctx, "listen "+table)
	}
	if err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("prepare the table %s: %w", table, err)
	}
	return conn, nil
}

// look reads the entry, and writes it where it is to be another one.
func look(ctx context.Context, conn *pgx.Conn, cfg *Config) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookMost)
	defer cancel()
	var now Entry
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtext('"+table+"'), hashtext($1))", cfg.Key)
		if err != nil {
			return err
		}
		was := &now
		var age float64 // in seconds
		err = tx.QueryRow(ctx, "select version, value, extract(epoch from clock_timestamp() - written_at)::float8 from "+table+" where key = $1", cfg.Key).
			Scan(&now.Version, &now.Value, &age)
		now.Age = time.Duration(age * float64(time.Second))
		if errors.Is(err, pgx.ErrNoRows) {
			was, err = nil, nil
		}
		if err != nil {
			return err
		}
		value, err := cfg.Settle(was)
		if err != nil {
			return &unreadable{err}
		}
		if value == nil {
			return nil
		}
		now.Value, now.Age = value, 0
		err = tx.QueryRow(ctx, "insert into "+table+` as t (key, version, value, written_at) values ($1, 1, $2, clock_timestamp())
			on conflict (key) do update set version = t.version + 1, value = excluded.value, written_at = excluded.written_at
			returning version`, cfg.Key, string(value)).Scan(&now.Version)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "select pg_notify('"+table+"', $1)", cfg.Key)
		return err
	})
	if err != nil {
		if _, ok := errors.AsType[*unreadable](err); ok {
			return false, err
		}
		return false, fmt.Errorf("look at the table %s: %w", table, err)
	}
	again, err = cfg.Agreed(now)
	if err != nil {
		return false, &unreadable{err}
	}
	return again, nil
}

// wait returns where there is something to look at.
func wait(ctx context.Context, conn *pgx.Conn, cfg *Config) error {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	quiet, stop := context.WithCancel(ctx)
	defer stop()
	heard := make(chan error, 1)
	go func() {
		for {
			n, err := conn.WaitForNotification(quiet)
			if err != nil || n.Payload == cfg.Key {
				heard <- err
				return
			}
		}
	}()
	select {
	case err := <-heard:
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("wait for what others share: %w", err)
		}
		return nil
	case <-cfg.Changed:
		stop()
		if err := <-heard; err != nil && quiet.Err() == nil {
			return err
		}
		return nil
	}
}
