package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/syndicate/syndicate/api"
)

// cookieName is the name of the cookie that a browser shows for the token.
const cookieName = "syndicate_session"

// access decides what is answered over TCP. The rules, in this order:
//
//   - the Host of a request is an IP address, localhost, the declared host
//     or a name in the certificate: a foreign name that leads here, by DNS
//     rebinding, is refused;
//   - a request that a page of another origin makes is refused;
//   - a route that is not open needs the token, as a bearer token or by the
//     cookie.
type access struct {
	token   string
	host    string                 // as declared
	metrics bool                   // the metrics are public
	secure  bool                   // it is TLS
	named   func(host string) bool // by the certificate; nil without TLS
}

// guard returns a handler that lets through what access allows.
func (s *Server) guard(current func() *access) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := current()
		if code, detail := a.refuse(r, s.routes[r.URL.Path]); code != 0 {
			if code == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="syndicate"`)
			}
			fail(w, code, detail)
			return
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		s.dispatch(w, r.WithContext(api.WithActor(r.Context(), api.Actor{Remote: r.RemoteAddr})))
	})
}

// refuse returns why a request is not answered; the code is 0 where it is.
func (a *access) refuse(r *http.Request, to *route) (code int, detail string) {
	if !a.hostFits(r.Host) {
		return http.StatusMisdirectedRequest, fmt.Sprintf("this is not %q: use the address that syndicate.http listens on", r.Host)
	}
	if origin := r.Header.Get("Origin"); origin != "" && !a.originFits(origin, r.Host) {
		return http.StatusForbidden, fmt.Sprintf("requests from %q are refused: only pages of this address may ask", origin)
	}
	switch {
	case to != nil && to.open, to != nil && to.path == api.PathMetrics && a.metrics, a.hasToken(r):
		return 0, ""
	}
	return http.StatusUnauthorized, "this needs the token: send Authorization: Bearer TOKEN; where none is declared it stands in the file token of the state directory"
}

// hostFits reports whether a request was meant for this endpoint.
func (a *access) hostFits(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	return host != "" && (net.ParseIP(host) != nil || host == "localhost" || host == strings.ToLower(a.host) ||
		a.named != nil && a.named(host))
}

// originFits reports whether a page is one of this endpoint's own.
func (a *access) originFits(origin, host string) bool {
	u, err := url.Parse(origin)
	scheme := "http"
	if a.secure {
		scheme = "https"
	}
	return err == nil && u.Scheme == scheme && strings.EqualFold(u.Host, host)
}

// hasToken compares in a time that tells nothing of the token.
func (a *access) hasToken(r *http.Request) bool {
	if scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return same(strings.TrimSpace(given), a.token)
	}
	c, err := r.Cookie(cookieName)
	return err == nil && same(c.Value, a.session())
}

// session is what the cookie holds: it proves the knowledge of the token and
// does not tell it.
func (a *access) session() string {
	mac := hmac.New(sha256.New, []byte(a.token))
	mac.Write([]byte(cookieName))
	return hex.EncodeToString(mac.Sum(nil))
}

func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
