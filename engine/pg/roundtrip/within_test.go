package roundtrip

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/syndicate/syndicate/engine/pg/migration"
)

// What belongs to the server is found in whatever way it is written.
func TestWithinDatabase(t *testing.T) {
	for sql, beyond := range map[string]bool{
		"create table role (user_id int, database text)":                                   false,
		"create index on people (role); alter table people alter column role type text":    false,
		"alter table people alter role type text":                                          true, // rather too much
		"select 1 from a join role on role.id = a.id":                                      false,
		"grant select on people to app; revoke all on schema public from app":              false,
		"comment on table people is 'drop role'; set role app; reset role":                 true, // rather too much
		"create extension citext; alter user mapping for app server s options (add a 'b')": true, // rather too much
		"drop role app":                                         true,
		"create /* all */\n USER app":                           true,
		"do $$ begin execute 'create role app'; end $$":         true,
		"grant readers to app":                                  true,
		"revoke readers from app":                               true,
		"grant connect on database shop to app":                 true,
		"alter database shop set search_path = app":             true,
		"alter system set work_mem = '1GB'":                     true,
		"drop owned by app":                                     true,
		"copy people to program 'gzip'":                         true,
		"comment on database shop is 'mine'; create table a ()": true,
	} {
		path := filepath.Join(t.TempDir(), "1_a.up.sql")
		if err := os.WriteFile(path, []byte(sql), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := withinDatabase([]migration.File{{Version: 1, Up: path}}); (err != nil) != beyond {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
