package proxy

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/breaker/proxy/exchange"
)

// TLS is how to meet an upstream with https. Zero fields are as the system
// has them.
type TLS struct {
	Authorities []byte // PEM
	// CertFile and KeyFile are read at each handshake, so they may be
	// exchanged.
	CertFile, KeyFile string
	ServerName        string
}

func (t *TLS) equal(o *TLS) bool {
	return t == o || t != nil && o != nil && bytes.Equal(t.Authorities, o.Authorities) &&
		t.CertFile == o.CertFile && t.KeyFile == o.KeyFile && t.ServerName == o.ServerName
}

// config makes the form that crypto/tls wants. What cannot be read is an
// error here and not at the first call.
func (t *TLS) config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	cfg := &tls.Config{ServerName: t.ServerName}
	if t.Authorities != nil {
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(t.Authorities) {
			return nil, errors.New("there is no certificate in the file of authorities")
		}
	}
	if t.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			return &cert, err
		}
		if _, err := load(); err != nil {
			return nil, fmt.Errorf("read the client's certificate: %w", err)
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return cfg, nil
}

// target is an upstream, its guard and the connections to it.
type target struct {
	url            *url.URL
	guard          *breaker.Guard
	connectTimeout time.Duration
	tls            *TLS
	direct         *exchange.Client // HTTP/1.1 without a body, or with a short one that is there
	plain          *http.Transport  // HTTP/1.1, and HTTP/2 over TLS
	clear          *http.Transport  // h2c, for gRPC
}

// newTarget makes one, with the connections of old where they are no others.
func newTarget(u *url.URL, guard *breaker.Guard, connectTimeout time.Duration, with *TLS, old *target) (*target, error) {
	if old != nil && old.url.String() == u.String() && old.connectTimeout == connectTimeout && old.tls.equal(with) {
		return old, nil
	}
	cfg, err := with.config()
	if err != nil {
		return nil, err
	}
	t := &target{url: u, guard: guard, connectTimeout: connectTimeout, tls: with}
	t.plain, t.clear = transport(connectTimeout), transport(connectTimeout)
	t.plain.TLSClientConfig = cfg
	t.plain.Protocols.SetHTTP1(true)
	t.plain.Protocols.SetHTTP2(true)
	t.clear.Protocols.SetUnencryptedHTTP2(true)
	if host := u.Hostname(); u.Scheme == "http" && isASCII(host) { // others are the transport's to encode
		t.direct = &exchange.Client{
			Address: net.JoinHostPort(host, cmp.Or(u.Port(), "80")), Dial: dialQuick(cmp.Or(connectTimeout, dialTimeout)),
			MaxIdle: maxIdle, IdleTimeout: idleTimeout, MaxHead: maxHead,
		}
	}
	t.clear.DialContext = (&net.Dialer{Timeout: cmp.Or(connectTimeout, dialTimeout)}).DialContext
	return t, nil
}

const (
	dialTimeout = 2 * time.Second
	// idleTimeout is below the 5 s after which a Node server closes an idle
	// connection, so that no call goes into one that is just being closed.
	idleTimeout = 4 * time.Second
	maxIdle     = 256
	maxHead     = 1 << 20 // of an answer, in bytes
)

func transport(connectTimeout time.Duration) *http.Transport {
	connectTimeout = cmp.Or(connectTimeout, dialTimeout)
	return &http.Transport{
		DialContext:            dialUpstream(connectTimeout),
		TLSHandshakeTimeout:    connectTimeout,
		DisableCompression:     true, // bodies pass as they are
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHead,
		ExpectContinueTimeout:  time.Second,
		Protocols:              new(http.Protocols),
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// transport returns what a request is to go through, whose body is there as a
// whole or not.
func (t *target) transport(r *http.Request, whole bool) http.RoundTripper {
	switch h := r.Header; {
	case isGRPC(h) && t.url.Scheme == "http":
		return t.clear
	case t.direct != nil && (r.Body == nil || whole && r.ContentLength <= exchange.MaxBody) && h["Upgrade"] == nil && h["Expect"] == nil:
		return t.direct
	}
	return t.plain
}

// aim points a request at the target: to its host, below its path, with its
// credentials.
func (t *target) aim(r *http.Request) {
	whole := r.URL.Path == "*" // OPTIONS of the server (RFC 9110, section 9.3.7): below no path
	p := httputil.ProxyRequest{Out: r}
	p.SetURL(t.url)
	if whole {
		r.URL.Path, r.URL.RawPath = "*", ""
	}
	if _, ok := r.Header["Authorization"]; !ok && t.url.User != nil {
		password, _ := t.url.User.Password()
		r.SetBasicAuth(t.url.User.Username(), password)
	}
}

// close closes idle connections. Calls under way go on.
func (t *target) close() {
	if t.direct != nil {
		t.direct.Close()
	}
	t.plain.CloseIdleConnections()
	t.clear.CloseIdleConnections()
}
