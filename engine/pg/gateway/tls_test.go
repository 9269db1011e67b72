package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// certificate makes one for 127.0.0.1, and writes it to files.
func certificate(t *testing.T) (tls.Certificate, string, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	dir, err := os.MkdirTemp("/tmp", "syn-tls-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	_ = os.Chmod(dir, 0o755)
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(certFile, certPEM, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, keyPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return cert, certFile, keyFile
}

func TestTLSForClients(t *testing.T) {
	to := pgtest.Database(t)
	cert, certFile, _ := certificate(t)
	x := open(t, serverURL(to), func(c *Config) { c.TLS = &cert })
	for name, params := range map[string][]string{
		"require":     {"sslmode", "require"},
		"verify-full": {"sslmode", "verify-full", "sslrootcert", certFile},
		"direct":      {"sslmode", "require", "sslnegotiation", "direct"},
		"none":        {"sslmode", "disable"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := pgx.Connect(within(t), x.url(to, params...))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.Background()) }()
			if got := encrypted(conn.PgConn().Conn()); got != (name != "none") {
				t.Errorf("encrypted: %v", got)
			}
			var size int
			if err := conn.QueryRow(within(t), "select length(repeat('x', 5000000))").Scan(&size); err != nil || size != 5000000 {
				t.Error(size, err)
			}
			if err := conn.PgConn().CancelRequest(within(t)); err != nil {
				t.Error(err)
			}
		})
	}
	plain := open(t, serverURL(to), nil)
	if _, err := pgx.Connect(within(t), plain.url(to, "sslmode", "require")); err == nil || !strings.Contains(err.Error(), "refused TLS") {
		t.Errorf("without a certificate: %v", err)
	}
	if _, err := pgx.Connect(within(t), plain.url(to, "sslmode", "require", "sslnegotiation", "direct")); err == nil {
		t.Error("direct TLS without a certificate")
	}
}

// SCRAM passes through, whatever is encrypted. Where both sides are, a client
// must not want to bind to the channel.
func TestSCRAM(t *testing.T) {
	cert, certFile, keyFile := certificate(t)
	other, _, _ := certificate(t)
	hba := filepath.Join(filepath.Dir(certFile), "hba.conf")
	rules := "local all postgres trust\nhost all postgres all trust\nhostssl all only_ssl all scram-sha-256\nhost all app,stale all scram-sha-256\n"
	if err := os.WriteFile(hba, []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // the server runs as another user then
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		if err := os.Chown(keyFile, uid, -1); err != nil {
			t.Fatal(err)
		}
	}
	server, err := pgtest.Start("ssl=on", "ssl_cert_file="+certFile, "ssl_key_file="+keyFile, "hba_file="+hba)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	to := server.Database(t)
	pgtest.Exec(t, to, "create role app login password 'swordfish'; create role only_ssl login password 'swordfish'; create role stale login password 'trout'")
	tests := []struct {
		name, server, client, user string
	}{
		{"plain", "disable", "disable", "app"},
		{"to the server", "require", "disable", "only_ssl"},
		{"verified", "verify-full&sslrootcert=" + certFile, "disable", "only_ssl"},
		{"if it can", "prefer", "disable", "only_ssl"},
		{"from the client", "disable", "require", "app"},
		{"both", "require", "require&channel_binding=disable", "only_ssl"},
	}
	ask := func(t *testing.T, address, as, params string) string { // libpq's own opinion
		t.Helper()
		url := "postgres://" + as + "@" + address + "/" + to.Database + "?sslmode=require" + params
		cmd := exec.CommandContext(within(t), server.Binaries.Path("psql"), "-XAtc", "select 'let in'", url)
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	t.Run("channel binding", func(t *testing.T) {
		behind := func(user string) string {
			return "postgres://" + user + "@" + net.JoinHostPort(to.Host, strconv.Itoa(to.Port)) + "/x?sslmode=require"
		}
		const (
			right, wrong, another    = "only_ssl:swordfish", "only_ssl:wrong", "app:swordfish"
			prefer, require, disable = "", "&channel_binding=require", "&channel_binding=disable"
			refused                  = "password authentication failed for user \"only_ssl\""
		)
		type attempt struct{ as, params, want string }
		for name, test := range map[string]struct {
			cert   *tls.Certificate
			server string
			want   []attempt
		}{
			// The binding is to the certificate, and that is the same one.
			"the server's certificate": {&cert, behind("only_ssl"), []attempt{
				{right, prefer, "let in"}, {right, require, "let in"}, {right, disable, "let in"}, {wrong, require, refused},
			}},
			"its own certificate": {&other, behind("only_ssl"), []attempt{
				{right, prefer, "channel_binding=disable"}, {right, require, "server did not offer an authentication method that supports channel binding"},
				{right, disable, "let in"}, {wrong, disable, refused},
			}},
			"its own certificate and the password": {&other, behind(right), []attempt{
				{right, prefer, "let in"}, {right, require, "let in"}, {right, disable, "let in"},
				{wrong, prefer, refused}, {wrong, require, refused}, {wrong, disable, refused},
				{another, prefer, "channel_binding=disable"}, {another, disable, "let in"},
			}},
			// What the server says of the gateway's login is the client's answer.
			"a password that was right once": {&other, behind("stale:swordfish"), []attempt{
				{"stale:swordfish", prefer, "password authentication failed for user \"stale\""},
			}},
		} {
			w := &witness{}
			x := open(t, test.server, func(c *Config) { c.TLS, c.Guard = test.cert, w })
			for _, a := range test.want {
				if got := ask(t, x.addr.String(), a.as, a.params); !strings.Contains(got, a.want) {
					t.Errorf("%s, %s %q: %s", name, a.as, a.params, got)
				}
			}
			if got := w.outcomes(); got[1] != 0 {
				t.Errorf("%s: %d count against the server", name, got[1])
			}
		}
	})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			host := net.JoinHostPort(to.Host, strconv.Itoa(to.Port))
			x := open(t, "postgres://"+host+"/"+to.Database+"?sslmode="+test.server, func(c *Config) { c.TLS = &other })
			url := func(password string) string {
				return "postgres://" + test.user + ":" + password + "@" + x.addr.String() + "/" + to.Database + "?sslmode=" + test.client
			}
			conn, err := pgx.Connect(within(t), url("swordfish"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.Background()) }()
			if err := conn.PgConn().CancelRequest(within(t)); err != nil {
				t.Error(err)
			}
			if _, err := pgx.Connect(within(t), url("wrong")); state(err) != "28P01" {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
	// A server that is asked for TLS and has none.
	plain := net.JoinHostPort("127.0.0.1", strconv.Itoa(pgtest.Shared().Port))
	without := open(t, "postgres://"+plain+"/x?sslmode=require", nil)
	if _, err := pgx.Connect(within(t), "postgres://postgres@"+without.addr.String()+"/x?sslmode=disable"); state(err) != cannotConnectNow {
		t.Errorf("no TLS at the server: %v", err)
	}
}
