package pg

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// roleSettings asks for what is set for the current role in the current
// database: name=value, each.
const roleSettings = `select unnest(setconfig) from pg_db_role_setting
	where setdatabase = (select oid from pg_database where datname = current_database())
	  and setrole = (select oid from pg_roles where rolname = current_user)`

// limitSetting is the setting behind a limit of statements.
const limitSetting = "statement_timeout"

// limitOf returns the value of that setting, empty without one.
func limitOf(settings []string) string {
	for _, s := range settings {
		if value, ok := strings.CutPrefix(s, limitSetting+"="); ok {
			return value
		}
	}
	return ""
}

// ownLimit is how LimitQueries writes a value. One in another form is
// somebody else's.
var ownLimit = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]+ms$`)
})

// LimitQueries has the server cancel each statement of the application that
// takes longer than limit; 0 takes that back. Sessions that begin from now on
// have it, unless they choose another for themselves. A limit that somebody
// else gave the role is left alone where none is declared. It is for after
// Ready.
func (s *Server) LimitQueries(ctx context.Context, limit time.Duration) error {
	want := ""
	if limit > 0 {
		want = fmt.Sprintf("%dms", max(limit.Milliseconds(), 1))
	}
	if want == s.limit || want == "" && !ownLimit().MatchString(s.limit) {
		return nil
	}
	stmt := fmt.Sprintf("ALTER ROLE %s IN DATABASE %s ", quoteIdent(s.cfg.User), quoteIdent(s.cfg.Database))
	if want == "" {
		stmt += "RESET " + limitSetting
	} else {
		stmt += "SET " + limitSetting + " = " + quoteLiteral(want)
	}
	err := s.asAdmin(ctx, s.admin, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, stmt)
		return err
	})
	if err != nil {
		return fmt.Errorf("set query_timeout: %w", err)
	}
	s.limit = want
	return nil
}
