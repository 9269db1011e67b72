// Package pgtest gives the tests of a package one PostgreSQL server, and
// each test a database of its own in it. Only tests import it.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestX(t *testing.T) {
//		to := pgtest.Database(t)
//		pgtest.Exec(t, to, "create table a (id int)")
//	}
package pgtest
