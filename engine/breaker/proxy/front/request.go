package front

import (
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// request is a plain request as it was read: what net/http's server makes of
// the same bytes.
type request struct {
	method, uri, host string
	url               *url.URL
	header            http.Header
	body              []byte // nil: none was announced
	last              bool   // of its connection
	length            int    // of all that was read
}

// parse reads a plain request at the beginning of a text. Whatever is not one
// beyond doubt, or has not arrived as a whole, is for net/http.
func parse(text []byte) (q request, ok bool) {
	end := bytes.Index(text, []byte("\r\n\r\n"))
	if end < 0 {
		return q, false
	}
	q.length = end + 4
	head := string(text[:end+2]) // all names and values are parts of it
	line, rest, _ := strings.Cut(head, "\r\n")
	if !q.line(line) {
		return q, false
	}
	lines := strings.Count(rest, "\r\n")
	q.header = make(http.Header, lines)
	values := make([]string, lines) // of all fields, one each at first
	seen := fields{length: -1}
	for len(rest) > 0 {
		line, rest, _ = strings.Cut(rest, "\r\n")
		colon := strings.IndexByte(line, ':')
		if colon <= 0 {
			return q, false
		}
		name, known := canonical(line[:colon])
		value := strings.Trim(line[colon+1:], " \t")
		if !known || !printable(value) || !seen.field(name, value) {
			return q, false
		}
		if name == "Host" {
			q.host = value // net/http has it there alone
		} else if before := q.header[name]; before != nil {
			q.header[name] = append(before, value)
		} else {
			values[0] = value
			q.header[name], values = values[:1:1], values[1:]
		}
	}
	if seen.hosts != 1 {
		return q, false
	}
	q.last = seen.last
	if p := q.header["Pragma"]; p != nil && p[0] == "no-cache" && q.header["Cache-Control"] == nil {
		q.header["Cache-Control"] = []string{"no-cache"} // as net/http (RFC 9111, section 5.4)
	}
	if seen.length > 0 {
		if len(text)-q.length < seen.length {
			return q, false
		}
		q.body = bytes.Clone(text[q.length:][:seen.length]) // it may be read after the next request has come
		q.length += seen.length
	}
	return q, true
}

// line reads the first one.
func (q *request) line(line string) bool {
	method, rest, _ := strings.Cut(line, " ")
	uri, proto, _ := strings.Cut(rest, " ")
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		return false
	}
	if proto != "HTTP/1.1" || !strings.HasPrefix(uri, "/") || strings.HasPrefix(uri, "//") {
		return false
	}
	for i := range len(uri) {
		if uri[i] <= ' ' || uri[i] >= 0x7f {
			return false
		}
	}
	var err error
	q.method, q.uri = method, uri
	q.url, err = url.ParseRequestURI(uri)
	return err == nil
}

// fields is what the fields of a head say that matter to a server.
type fields struct {
	hosts, connections int
	length             int // -1: not said
	last               bool
}

// field takes one, and reports whether a plain request may have it.
func (f *fields) field(name, value string) bool {
	switch name {
	case "Host":
		f.hosts++
		return simpleHost(value)
	case "Connection":
		f.connections++
		f.last = strings.EqualFold(value, "close")
		return f.connections == 1 && (f.last || strings.EqualFold(value, "keep-alive"))
	case "Content-Length":
		n, err := strconv.ParseUint(value, 10, 31)
		again := f.length >= 0
		f.length = int(n)
		return err == nil && !again && value[0] != '+'
	case "Transfer-Encoding", "Trailer", "Upgrade", "Expect", "Http2-Settings":
		return false
	}
	return true
}

// common are the names that most requests have, by what clients write.
var common = func() map[string]string {
	all := map[string]string{}
	for _, name := range []string{
		"Host", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Connection", "Content-Length", "Content-Type",
		"Cookie", "Cache-Control", "Idempotency-Key", "Origin", "Pragma", "Referer", "Traceparent", "Tracestate", "X-Forwarded-For", "X-Request-Id",
	} {
		all[name], all[strings.ToLower(name)] = name, name
	}
	return all
}()

// canonical gives a name the form that it has in an http.Header; ok is false
// where it is none.
func canonical(name string) (_ string, ok bool) {
	if known, ok := common[name]; ok {
		return known, true
	}
	for i := range len(name) {
		if !isToken(name[i]) {
			return "", false
		}
	}
	return textproto.CanonicalMIMEHeaderKey(name), true
}

// isToken reports whether a name may have such a character (RFC 9110, section
// 5.6.2).
func isToken(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// printable reports whether a value has no control characters.
func printable(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] == 0x7f {
			return false
		}
	}
	return true
}

// simpleHost reports whether a host is one that needs no look at its form.
func simpleHost(value string) bool {
	for i := range len(value) {
		if c := value[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte(".:-_[]", c) < 0 {
			return false
		}
	}
	return len(value) > 0
}

// body is what a request brought with it.
type body struct{ bytes.Reader }

// Close implements io.Closer.
func (*body) Close() error { return nil }

func (q *request) reader() (io.ReadCloser, int64) {
	if q.body == nil {
		return http.NoBody, 0
	}
	b := new(body)
	b.Reset(q.body)
	return b, int64(len(q.body))
}

// withoutNewlines is a text without what old clients send behind the body of a
// POST (RFC 1945, appendix C): as net/http, up to four characters.
func withoutNewlines(text []byte) []byte {
	n := 0
	for n < min(len(text), 4) && (text[n] == '\r' || text[n] == '\n') {
		n++
	}
	return text[n:]
}
