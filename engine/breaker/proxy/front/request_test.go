package front

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// What common clients send is read here; whatever is special is net/http's.
func TestPlain(t *testing.T) {
	for _, text := range plain {
		q, ok := parse([]byte(text + "GET"))
		if !ok || q.length != len(text) {
			t.Errorf("%q: %+v, %t", text, q, ok)
		}
		likeNetHTTP(t, []byte(text+"GET"))
	}
	for _, text := range special {
		if q, ok := parse([]byte(text)); ok {
			t.Errorf("%q: %+v", text, q)
		}
	}
}

const getLine = "GET /a HTTP/1.1\r\n"

var plain = []string{
	getLine + "Host: x\r\n\r\n",
	getLine + "Host: localhost:8080\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n",
	getLine + "host:x\r\nx-two: a\r\nX-Two:  b \t\r\nACCEPT: */*\r\n\r\n",
	getLine + "Host: [::1]:80\r\nConnection: close\r\n\r\n",
	getLine + "Host: x\r\nconnection: Keep-Alive\r\nPragma: no-cache\r\n\r\n",
	getLine + "Host: x\r\nCookie: a=1\r\nCookie: b=2; c=\xc3\xa9\r\nX-Empty:\r\nTE: trailers\r\n\r\n",
	"HEAD /a%2Fb;c?d=e&f;g=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello",
	"GET / HTTP/1.1\r\nContent-Length: 005\r\nHost: x\r\n\r\nhello",
}

var special = []string{
	"", getLine, getLine + "\r\n", getLine + "Host: x\r\n", getLine + "Host: x\r\nHost: x\r\n\r\n", getLine + "Host: \r\n\r\n", getLine + "Host: a b\r\n\r\n", getLine + "Host: a/b\r\n\r\n",
	"GET /a HTTP/1.0\r\nHost: x\r\n\r\n", "GET /a HTTP/2.0\r\nHost: x\r\n\r\n", "GET  /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a  HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1 \r\nHost: x\r\n\r\n",
	"GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n", "GET //y/ HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "get / HTTP/1.1\r\nHost: x\r\n\r\n",
	getLine + "Host: x\nAccept: y\r\n\r\n", getLine + "Host: x\r\nAccept: y\n\r\n", getLine + "Host: x\r\nA: b\rc\r\n\r\n", getLine + "Host: x\r\n\n", getLine + "Host: x\r\nA: \x00\r\n\r\n", getLine + "Host: x\r\nA: \x7f\r\n\r\n", getLine + "Host: x\r\nA: b\tc\r\n\r\n",
	getLine + " Host: x\r\n\r\n", getLine + "Host: x\r\n folded: 1\r\n\r\n", getLine + "Host : x\r\n\r\n", getLine + "Host: x\r\n: y\r\n\r\n", getLine + "Host: x\r\nA b: y\r\n\r\n", getLine + "Host: x\r\nnothing\r\n\r\n", getLine + "Host: x\r\n\xc3\xa9: y\r\n\r\n",
	getLine + "Host: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", getLine + "Host: x\r\nUpgrade: h2c\r\n\r\n", getLine + "Host: x\r\nConnection: close, x-hop\r\n\r\n", getLine + "Host: x\r\nConnection: close\r\nConnection: close\r\n\r\n", getLine + "Host: x\r\nConnection:\r\n\r\n",
	getLine + "Host: x\r\nExpect: 100-continue\r\n\r\n", getLine + "Host: x\r\nTrailer: a\r\n\r\n",
	getLine + "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", getLine + "Host: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", getLine + "Host: x\r\nTransfer-Encoding: identity\r\n\r\n",
	getLine + "Host: x\r\nContent-Length: 3\r\n\r\nab", getLine + "Host: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", getLine + "Host: x\r\nContent-Length: +3\r\n\r\nabc", getLine + "Host: x\r\nContent-Length: -3\r\n\r\nabc",
	getLine + "Host: x\r\nContent-Length: 3, 3\r\n\r\nabc", getLine + "Host: x\r\nContent-Length: 0x3\r\n\r\nabc", getLine + "Host: x\r\nContent-Length:\r\n\r\nabc", getLine + "Host: x\r\nContent-Length: 3_0\r\n\r\nabc", getLine + "Host: x\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
}

// likeNetHTTP compares what is read here of some text with what net/http's
// server has of it.
func likeNetHTTP(t *testing.T, text []byte) {
	t.Helper()
	q, ok := parse(text)
	if !ok {
		return
	}
	all := bufio.NewReader(bytes.NewReader(text))
	r, err := http.ReadRequest(all)
	if err != nil {
		t.Errorf("%q: read as %+v, where net/http has %v", text, q, err)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("%q: read as %+v, where net/http has %v", text, q, err)
	}
	rest, _ := io.ReadAll(all)
	own, length := q.reader()
	ownBody, _ := io.ReadAll(own)
	if r.Method != q.method || r.RequestURI != q.uri || r.Host != q.host || r.Host == "" || r.Close != q.last || !reflect.DeepEqual(r.URL, q.url) || !reflect.DeepEqual(r.Header, q.header) ||
		r.ContentLength != length || !bytes.Equal(body, ownBody) || (r.Body == http.NoBody) != (own == http.NoBody) ||
		len(r.TransferEncoding)+len(r.Trailer) > 0 || len(text)-len(rest) != q.length || r.Proto != "HTTP/1.1" {
		t.Errorf("%q: read as %+v, where net/http has %+v with %q and leaves %q", text, q, r, body, rest)
	}
	if strings.ContainsAny(r.Host, " /?#@\\") || r.Header["Upgrade"] != nil || r.Header["Expect"] != nil {
		t.Errorf("%q: read as %+v", text, q)
	}
}

// FuzzPlain reads any text, where it is read at all, as net/http does.
func FuzzPlain(f *testing.F) {
	for _, text := range plain {
		f.Add([]byte(text))
	}
	for _, text := range special {
		f.Add([]byte(text))
	}
	f.Fuzz(likeNetHTTP)
}
