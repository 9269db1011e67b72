package probe

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What one look reads at most: the head of the answer, and of the body only
// what makes for an orderly end of the connection.
const (
	maxHead    = 64 << 10
	maxBody    = 64 << 10
	maxInterim = 5 // 1xx answers before the real one
	drainTime  = 20 * time.Millisecond
)

// httpCheck makes one GET per look on a connection of its own. It speaks
// HTTP/1.1 straight on the connection: a Transport costs two goroutines and
// several times the work for each of them, which counts where a thousand
// units are probed eagerly.
type httpCheck struct {
	what    string
	addr    string
	tls     *tls.Config // nil for http
	request []byte
	method  *http.Request
	status  []int
}

func newHTTPCheck(target string, status []int, header http.Header) (*httpCheck, error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("its target is no URL: write http://HOST:PORT/PATH, or /PATH for the unit's own")
	}
	for _, code := range status {
		if code < 100 || code > 599 {
			return nil, fmt.Errorf("status %d does not exist: use 100 to 599", code)
		}
	}
	req, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("its target is no URL")
	}
	req.Close = true
	req.Header.Set("User-Agent", "syndicate-probe")
	req.Header.Set("Accept", "*/*")
	if u.User != nil {
		password, _ := u.User.Password()
		req.SetBasicAuth(u.User.Username(), password)
	}
	for name, values := range header {
		if err := validHeader(name, values); err != nil {
			return nil, err
		}
		if strings.EqualFold(name, "Host") && len(values) > 0 {
			req.Host = values[0]
			continue
		}
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	var buf bytes.Buffer
	if err := req.Write(&buf); err != nil {
		return nil, fmt.Errorf("compose request: %w", err)
	}
	c := &httpCheck{what: "GET " + publicURL(u), addr: u.Host, request: buf.Bytes(), method: req, status: status}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
		c.tls = &tls.Config{ServerName: u.Hostname(), NextProtos: []string{"http/1.1"}}
	}
	if u.Port() != "" {
		port = u.Port()
	}
	c.addr = net.JoinHostPort(u.Hostname(), port)
	return c, validAddr(c.addr)
}

// publicURL leaves out what may be secret: the user and the query.
func publicURL(u *url.URL) string {
	s := u.Scheme + "://" + u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		s += "?…"
	}
	return s
}

// validHeader keeps a value from ending its line and beginning another.
func validHeader(name string, values []string) error {
	const separators = "()<>@,;:\\\"/[]?={}"
	bad := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(separators, r) }
	if name == "" || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q is no name of a header", name)
	}
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return fmt.Errorf("the value of header %s has a control character", name)
		}
	}
	return nil
}

func (c *httpCheck) look(ctx context.Context, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	conn, err := dial(ctx, c.addr, deadline)
	if err != nil {
		return plain(err, timeout)
	}
	defer conn.Close()
	stream := conn
	_ = conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if c.tls != nil {
		stream = tls.Client(conn, c.tls)
	}
	code, err := c.exchange(stream, conn, timeout)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	if c.accepts(code) {
		return nil
	}
	return fmt.Errorf("status %s", strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code))))
}

// accepts reports whether a status is a success.
func (c *httpCheck) accepts(code int) bool {
	if len(c.status) > 0 {
		return slices.Contains(c.status, code)
	}
	return code >= 200 && code < 400
}

// exchange sends the request and returns the status of the answer.
func (c *httpCheck) exchange(stream, conn net.Conn, timeout time.Duration) (int, error) {
	if _, err := stream.Write(c.request); err != nil {
		return 0, plain(err, timeout)
	}
	head := &io.LimitedReader{R: stream, N: maxHead}
	r := bufio.NewReaderSize(head, 1<<10)
	for range maxInterim + 1 {
		resp, err := http.ReadResponse(r, c.method)
		switch {
		case err != nil && head.N <= 0:
			return 0, fmt.Errorf("the head of the answer is longer than %d KiB", maxHead>>10)
		case err != nil:
			return 0, notHTTP(err, timeout)
		case resp.StatusCode >= 200:
			head.N = maxBody
			finish(r, conn)
			return resp.StatusCode, nil
		}
	}
	return 0, errors.New("interim answers without end")
}

// notHTTP tells a broken connection from an answer in another protocol.
func notHTTP(err error, timeout time.Duration) error {
	if p := plain(err, timeout); p.Error() != "no valid answer" {
		return p
	}
	return errors.New("the answer is not HTTP")
}

// finish reads the rest of a short answer up to the server's end and resets
// the connection then. By that time the server's program has closed its side
// and notices nothing, and neither side keeps the connection in TIME_WAIT,
// where it would bar a server that restarts without SO_REUSEADDR from its
// own port. A long or slow answer is cut off in the usual way.
func finish(r io.Reader, conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(drainTime))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}
