package pg

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// What PgBouncer reads says what was declared, and only its user can read it.
func TestPoolerFiles(t *testing.T) {
	dir := t.TempDir()
	server, err := ParseURL(spec.Sensitive(`postgres://app:p%22ss'w@db.example.com:5433/shop?sslmode=require`))
	if err != nil {
		t.Fatal(err)
	}
	cfg := PoolerConfig{
		Name: "main", StateDir: dir, Server: server, Host: "127.0.0.1", Port: 6432,
		MaxConn: 20, MaxWaiting: 100, AcquireTimeout: 1500 * time.Millisecond, QueryTimeout: 2 * time.Second,
	}
	p := &Pooler{cfg: cfg} // as an account of its own, wherever the test runs
	if err := p.Configure(cfg); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "pg", "main.pooler", "pgbouncer.ini"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"shop = host='db.example.com' port=5433 dbname='shop' connect_query='set statement_timeout = 2000'\n",
		"listen_port = 6432\n", "pool_mode = transaction\n", "max_db_connections = 20\n", "max_client_conn = 121\n",
		"query_wait_timeout = 2\n", "server_tls_sslmode = require\n", "auth_type = scram-sha-256\n", "unix_socket_dir =\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "ss'w") {
		t.Error("the password is in the ini file")
	}
	users := filepath.Join(dir, "pg", "main.pooler", "users.txt")
	text, err = os.ReadFile(users)
	if err != nil || !strings.HasPrefix(string(text), `"app" "p""ss'w"`+"\n") {
		t.Errorf("users: %s, %v", text, err)
	}
	if info, err := os.Stat(users); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if got := poolerName("my-db"); got != "*" {
		t.Errorf("a name that needs quotes is %s", got)
	}
}

// A pooler goes to one server, and says so before it goes to the wrong one.
func TestPoolerTakesOneServer(t *testing.T) {
	for text, ok := range map[string]bool{
		"postgres://app@db/shop?sslmode=prefer":                           true,
		"postgres://app@db/shop?target_session_attrs=any":                 true,
		"postgres://app@db1,db2/shop":                                     false,
		"postgres://app@db/shop?target_session_attrs=read-write":          false,
		"postgres://app@db:1,db:2/shop?sslmode=disable&connect_timeout=1": false,
	} {
		server, err := ParseURL(spec.Sensitive(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := oneServer(server); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
