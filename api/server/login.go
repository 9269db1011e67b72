package server

import (
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/syndicate/syndicate/api"
)

const (
	loginLife = time.Minute
	maxLogins = 64 // links that nobody has used yet
)

// loginPage is what a browser shows that has used its link.
const loginPage = `<!doctype html>
<meta charset="utf-8">
<title>syndicate</title>
<p>This browser may look now: <a href="` + api.PathStatus + `">status</a>, <a href="` + api.PathMetrics + `">metrics</a>.
`

// logins are the links that let a browser in: each once, and for a minute.
// So the token itself never stands in an address.
type logins struct {
	mu    sync.Mutex
	codes map[[sha256.Size]byte]time.Time // until when; guarded by mu
}

// issue makes a code, and reports false where too many wait to be used.
func (l *logins) issue(now time.Time) (code string, until time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for hash, until := range l.codes {
		if now.After(until) {
			delete(l.codes, hash)
		}
	}
	if len(l.codes) >= maxLogins {
		return "", until, false
	}
	if l.codes == nil {
		l.codes = map[[sha256.Size]byte]time.Time{}
	}
	code, until = rand.Text(), now.Add(loginLife)
	l.codes[sha256.Sum256([]byte(code))] = until
	return code, until, true
}

// redeem reports whether a code lets in, which it does once. Codes are found
// by their hash, so that the time tells nothing of them.
func (l *logins) redeem(code string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := sha256.Sum256([]byte(code))
	until, known := l.codes[hash]
	delete(l.codes, hash)
	return known && !now.After(until)
}

// rules are those of the endpoint over TCP, nil without one.
func (s *Server) rules() (*access, net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endpoint == nil {
		return nil, nil
	}
	return s.endpoint.policy.Load(), s.endpoint.addr
}

// noEndpoint answers where no browser could come.
func noEndpoint(w http.ResponseWriter) {
	fail(w, http.StatusConflict, "there is no endpoint for browsers: declare syndicate.http")
}

// newLogin makes a link that lets a browser in.
func (s *Server) newLogin(w http.ResponseWriter, _ *http.Request) {
	rules, addr := s.rules()
	if rules == nil {
		noEndpoint(w)
		return
	}
	code, until, ok := s.logins.issue(time.Now())
	if !ok {
		fail(w, http.StatusTooManyRequests, "too many login links wait to be used: try again in a minute")
		return
	}
	link := url.URL{Scheme: "http", Host: addr.String(), Path: api.PathLogin, RawQuery: url.Values{"code": {code}}.Encode()}
	if rules.secure {
		link.Scheme = "https"
		if _, port, err := net.SplitHostPort(link.Host); err == nil && rules.host != "" {
			link.Host = net.JoinHostPort(rules.host, port)
		}
	}
	answer(w, http.StatusOK, jsonType, api.Login{FormatVersion: api.FormatVersion, URL: link.String(), Expires: until})
}

// login lets the browser in that has followed a link.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	rules, _ := s.rules()
	switch {
	case rules == nil:
		noEndpoint(w)
		return
	case r.Method == http.MethodHead: // a preview of the link does not use it up
		w.Header().Set("Content-Type", pageType)
		return
	case !s.logins.redeem(r.URL.Query().Get("code"), time.Now()):
		fail(w, http.StatusForbidden, "this login link is not valid, or was used: ask for another one")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: rules.session(), Path: "/",
		HttpOnly: true, Secure: rules.secure, SameSite: http.SameSiteStrictMode,
	})
	h := w.Header()
	h.Set("Content-Type", pageType)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = io.WriteString(w, loginPage)
}
