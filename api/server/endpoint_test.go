package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/api"
)

const testToken = "0123456789abcdef"

// ask sends a request over TCP with a Host and headers.
func ask(t *testing.T, hc *http.Client, url, host string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := hc.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func plain(t *testing.T) *http.Client {
	tr := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestEndpointAnswersWhoMay(t *testing.T) {
	s := serve(t, t.TempDir(), newFake())
	if err := s.Listen(&HTTP{Listen: "127.0.0.1:0", Token: testToken}); err != nil {
		t.Fatal(err)
	}
	addr := s.Addr().String()
	session := (&access{token: testToken}).session()
	hc := plain(t)
	for _, test := range []struct {
		name, path, host string
		headers          []string
		code             int
		want             string
	}{
		{"health is open", "/healthz", "", nil, 200, "ok"},
		{"readiness is open", "/readyz", "", nil, 200, "ready"},
		{"metrics are not", "/metrics", "", nil, 401, "Bearer TOKEN"},
		{"status is not", "/v1/status", "", nil, 401, "Bearer TOKEN"},
		{"nor is what does not exist", "/v1/nothing", "", nil, 401, ""},
		{"token", "/v1/status", "", []string{"Authorization", "Bearer " + testToken}, 200, "service.api"},
		{"token, other case", "/v1/status", "", []string{"Authorization", "bearer " + testToken}, 200, ""},
		{"token for metrics", "/metrics", "", []string{"Authorization", "Bearer " + testToken}, 200, "syndicate_units"},
		{"wrong token", "/v1/status", "", []string{"Authorization", "Bearer " + testToken + "x"}, 401, ""},
		{"empty token", "/v1/status", "", []string{"Authorization", "Bearer "}, 401, ""},
		{"other scheme", "/v1/status", "", []string{"Authorization", "Basic " + testToken}, 401, ""},
		{"cookie", "/v1/status", "", []string{"Cookie", cookieName + "=" + session}, 200, ""},
		{"the token is no cookie", "/v1/status", "", []string{"Cookie", cookieName + "=" + testToken}, 401, ""},
		{"localhost", "/healthz", "localhost:1", nil, 200, ""},
		{"IPv6", "/healthz", "[::1]:1", nil, 200, ""},
		{"foreign name", "/healthz", "evil.example", nil, 421, "evil.example"},
		{"foreign name with the token", "/v1/status", "evil.example", []string{"Authorization", "Bearer " + testToken}, 421, ""},
		{"name that ends well", "/healthz", "localhost.evil.example", nil, 421, ""},
		{"own origin", "/healthz", "", []string{"Origin", "http://" + addr}, 200, ""},
		{"foreign origin", "/v1/status", "", []string{"Origin", "http://evil.example", "Authorization", "Bearer " + testToken}, 403, "evil.example"},
		{"other port is another origin", "/healthz", "", []string{"Origin", "http://127.0.0.1:1"}, 403, ""},
		{"other scheme is another origin", "/healthz", "", []string{"Origin", "https://" + addr}, 403, ""},
		{"origin null", "/healthz", "", []string{"Origin", "null"}, 403, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, text := ask(t, hc, "http://"+addr+test.path, test.host, test.headers...)
			if code != test.code || !strings.Contains(text, test.want) {
				t.Errorf("%d %s", code, text)
			}
		})
	}
}

func TestEndpointChangesInPlace(t *testing.T) {
	s := serve(t, t.TempDir(), newFake())
	first := HTTP{Listen: "127.0.0.1:0", Token: testToken}
	if err := s.Listen(&first); err != nil {
		t.Fatal(err)
	}
	addr := s.Addr().String()
	hc := plain(t)

	// Another token and public metrics: the same listener.
	changed := first
	changed.Token, changed.PublicMetrics = "another token", true
	if err := s.Listen(&changed); err != nil {
		t.Fatal(err)
	}
	if code, _ := ask(t, hc, "http://"+addr+"/metrics", ""); code != 200 {
		t.Errorf("public metrics: %d", code)
	}
	if code, _ := ask(t, hc, "http://"+addr+"/v1/status", "", "Authorization", "Bearer "+testToken); code != 401 {
		t.Errorf("the old token: %d", code)
	}

	// An address that cannot be had changes nothing.
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	wrong := changed
	wrong.Listen = busy.Addr().String()
	if err := s.Listen(&wrong); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}

	// The old one may have been closed for the attempt; it is back.
	addr = s.Addr().String()
	if code, _ := ask(t, hc, "http://"+addr+"/healthz", ""); code != 200 {
		t.Errorf("after a failed change: %d", code)
	}

	// The same port of all addresses; then nothing.
	_, port, _ := net.SplitHostPort(addr)
	wide := changed
	wide.Listen = "0.0.0.0:" + port
	if err := s.Listen(&wide); err != nil {
		t.Fatal(err)
	}
	if code, _ := ask(t, hc, "http://127.0.0.1:"+port+"/healthz", ""); code != 200 {
		t.Errorf("on all addresses: %d", code)
	}
	if err := s.Listen(nil); err != nil {
		t.Error(err)
	}
	if conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second); err == nil {
		_ = conn.Close()
		t.Error("it listens still")
	}
	if err := s.Listen(&HTTP{Listen: "127.0.0.1:0"}); err == nil {
		t.Error("without a token it listens")
	}
}

func TestEndpointWithTLS(t *testing.T) {
	s := serve(t, t.TempDir(), newFake())
	dir := t.TempDir()
	cfg := HTTP{Listen: "127.0.0.1:0", Token: testToken, Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	if err := s.Listen(&cfg); err == nil || !strings.Contains(err.Error(), "read the certificate") {
		t.Errorf("without files: %v", err)
	}
	now := time.Now()
	pool := certify(t, cfg, "one.example", now)
	if err := s.Listen(&cfg); err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "one.example"}}
	url := "https://" + s.Addr().String() + "/healthz"
	if code, text := ask(t, &http.Client{Transport: tr}, url, "one.example", "Origin", "https://one.example"); code != 200 {
		t.Errorf("%d %s", code, text)
	}
	if code, _ := ask(t, &http.Client{Transport: tr}, url, "two.example"); code != 421 {
		t.Errorf("a name that is not in the certificate: %d", code)
	}

	// A renewed certificate is used at once; a broken one leaves the last.
	pool = certify(t, cfg, "two.example", now.Add(time.Minute))
	tr = &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "two.example"}}
	if code, text := ask(t, &http.Client{Transport: tr}, url, "two.example"); code != 200 {
		t.Errorf("renewed: %d %s", code, text)
	}
	if err := os.WriteFile(cfg.Cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text := ask(t, &http.Client{Transport: tr}, url, "two.example"); code != 200 {
		t.Errorf("broken files: %d %s", code, text)
	}
}

// certify writes a certificate for a name, and returns who vouches for it.
func certify(t *testing.T, cfg HTTP, name string, changed time.Time) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		cfg.Cert: {Type: "CERTIFICATE", Bytes: der}, cfg.Key: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}

// Whatever a request says of its Host and Origin, it is answered or refused.
func FuzzAccess(f *testing.F) {
	f.Add("127.0.0.1:7000", "http://127.0.0.1:7000", "Bearer "+testToken)
	f.Add("[::1", "null", "Bearer")
	f.Add("", "http://[", "")
	a := &access{token: testToken, host: "127.0.0.1"}
	to := byPath(table())[api.PathStatus]
	f.Fuzz(func(t *testing.T, host, origin, authorization string) {
		r := &http.Request{Host: host, Header: http.Header{"Origin": {origin}, "Authorization": {authorization}}}
		if code, detail := a.refuse(r, to); (code == 0) != (detail == "") {
			t.Errorf("%d %q", code, detail)
		} else if code == 0 && !strings.Contains(authorization, testToken) {
			t.Error("answered without the token")
		}
	})
}
