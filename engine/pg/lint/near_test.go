package lint

import (
	"slices"
	"testing"
)

// near is for each rule what looks like its finding and is none.
var near = map[string]string{
	"L101": "CREATE TABLE n (a int);\nCREATE INDEX ON n (a)",
	"L102": "CREATE TABLE n (a int);\nCREATE INDEX i ON n (a);\nDROP INDEX i",
	"L103": "ALTER TABLE orders ADD COLUMN user_id bigint REFERENCES users",
	"L104": "CREATE TABLE n (a int);\nALTER TABLE n ADD CHECK (a > 0)",
	"L105": "ALTER TABLE users ALTER nickname SET NOT NULL",
	"L106": "ALTER TABLE members ADD CONSTRAINT members_code UNIQUE USING INDEX members_code",
	"L107": "ALTER TABLE members VALIDATE CONSTRAINT later",
	"L108": "CREATE TABLE n (at timestamptz NOT NULL);\nALTER TABLE events ATTACH PARTITION n DEFAULT",
	"L109": "ALTER TABLE events DETACH PARTITION events_2020 FINALIZE",
	"L110": "CREATE TABLE n (a int);\nREINDEX TABLE n",
	"L111": "REFRESH MATERIALIZED VIEW totals WITH NO DATA",
	"L112": "LOCK TABLE orders IN ROW EXCLUSIVE MODE",
	"L113": "UPDATE users SET active = true WHERE active IS NULL",
	"L114": "BEGIN;\nALTER TABLE users ADD COLUMN a int;\nCOMMIT;\nBEGIN;\nUPDATE users SET a = 1 WHERE id > 0;\nCOMMIT",
	"L201": "ALTER TABLE users ALTER name TYPE varchar(200)",
	"L202": "ALTER TABLE users ADD COLUMN a timestamptz NOT NULL DEFAULT now()",
	"L203": "VACUUM (FULL false) orders",
	"L204": "ALTER TABLE orders SET (fillfactor = 70)",
	"L301": "ALTER TABLE members RENAME CONSTRAINT codes TO c",
	"L302": "ALTER TABLE users ADD COLUMN a int;\nALTER TABLE users DROP COLUMN a",
	"L303": "DROP VIEW lately;\nCREATE VIEW lately AS SELECT 1",
	"L304": "ALTER TABLE members DROP CONSTRAINT some_team",
	"L305": "DROP FUNCTION touch()",
	"L306": "CREATE TABLE n (a json)",
	"L307": "ALTER TABLE users REPLICA IDENTITY DEFAULT",
	"L401": "ALTER TABLE users ADD COLUMN a int NOT NULL DEFAULT 7",
	"L402": "ALTER TABLE orders ADD COLUMN code text;\nCREATE UNIQUE INDEX CONCURRENTLY u ON orders (code)",
	"L403": "ALTER TABLE users ALTER short TYPE varchar(20)",
	"L504": "CREATE TABLE n (a int);\nDELETE FROM n",
	"L505": "UPDATE users SET country = 'x' WHERE country IS NULL",
	"L601": "BEGIN;\nSELECT 1;\nCOMMIT;\nCREATE INDEX CONCURRENTLY i ON t (b)",
	"L602": "ALTER TYPE mood ADD VALUE 'calm';\nINSERT INTO people VALUES ('calm')",
	"L603": "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN NULL; END $$",
	"L604": "BEGIN;\nSAVEPOINT a;\nRELEASE a;\nCOMMIT",
	"L701": "CREATE TABLE a_name_of_which_postgresql_keeps_each_and_every_byte_it_has_now (a int)",
	"L702": "CREATE TABLE n (timestamp timestamptz)",
	"L703": "CREATE TABLE n (id int PRIMARY KEY REFERENCES t)",
	"L704": "SET LOCAL search_path = s",
	"L705": `CREATE TABLE n (a "char", b varchar(2))`,
	"L706": "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES carts ON DELETE CASCADE NOT VALID",
	"L707": "ALTER TABLE sessions SET (autovacuum_enabled = true)",
	"L801": `SELECT '\i other.sql', $$ SELEC $$`,
	"L901": "INSERT INTO t SELECT '\n-- syndicate: allow L101 no\n'",
	"L902": "-- syndicate: no-transaction\nSELECT 1",
}

// notOfSQL are the rules about files.
var notOfSQL = []string{"L501", "L502", "L503", "L802", "L803", "L804"}

// What only looks like what a rule is about is no finding of it, and what a
// file allows is none either, but is told.
func TestNearMissesAndAllowances(t *testing.T) {
	for _, rule := range Rules() {
		if slices.Contains(notOfSQL, rule.Code) {
			continue
		}
		up, ok := near[rule.Code]
		if !ok {
			t.Errorf("%s: nothing here looks like it", rule.Code)
			continue
		}
		for _, f := range look(up).Findings {
			if f.Code == rule.Code || f.Code == "L801" {
				t.Errorf("%s finds %s in %s", f.Code, f.Detail, up)
			}
		}
		if rule.Code >= "L800" {
			continue // cannot be allowed
		}
		allowed := look("-- syndicate: allow " + rule.Code + " it is known\n\n" + rule.Wrong)
		if slices.ContainsFunc(allowed.Findings, func(f Finding) bool { return f.Code == rule.Code || f.Code == "L901" }) ||
			!slices.ContainsFunc(allowed.Accepted, func(a Accepted) bool { return a.Code == rule.Code && a.Reason == "it is known" }) {
			t.Errorf("%s is not allowed: %+v", rule.Code, allowed)
		}
	}
}
