package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// An answer that breaks off upstream breaks off for the client: in no
// protocol does what is there of it look like all of it.
func TestBrokenAnswersAreAborted(t *testing.T) {
	for name, head := range map[string]string{
		"chunked":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"half a chunk":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello",
		"with a length": "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
	} {
		for _, end := range []string{"closed", "reset", "silent"} {
			t.Run(name+" "+end, func(t *testing.T) {
				seen := make(chan struct{}, 9) // by clients
				url := rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
					if _, err := http.ReadRequest(r); err != nil {
						return
					}
					_, _ = io.WriteString(c, head)
					switch end {
					case "reset":
						if name == "chunked" { // net/http holds back what is no whole chunk
							<-seen // or the reset would overtake the bytes
						}
						_ = c.(*net.TCPConn).SetLinger(0)
					case "silent":
						_, _ = io.Copy(io.Discard, r) // until the proxy gives up
					}
				})
				policy := Policy{Rules: Rules{IdleTimeout: 100 * time.Millisecond}}
				if end == "reset" {
					policy.IdleTimeout = 20 * time.Second
				}
				b := newBench(t, url, policy, breaker.Config{Rule: breaker.Rule{Failures: 100}})
				for _, version := range []string{"1.0", "1.1"} {
					text, err := b.rawUntil("GET / HTTP/"+version+"\r\nHost: x\r\nConnection: close\r\n\r\n", func() { seen <- struct{}{} })
					_, body, _ := strings.Cut(text, "\r\n\r\n")
					if strings.HasPrefix(text, "HTTP/1.1 502") || strings.HasPrefix(text, "HTTP/1.0 502") {
						continue // the reset was faster than the head, and that is told
					}
					whole := strings.HasSuffix(body, "0\r\n\r\n")
					if version == "1.0" && body != "" && !strings.Contains(text, "Content-Length: 50") {
						whole = err == nil
						if err != nil && !errors.Is(err, syscall.ECONNRESET) {
							t.Errorf("HTTP/1.0: got %q, %v", text, err)
						}
					}
					if whole {
						t.Errorf("HTTP/%s: the client takes this for all: %q, %v", version, text, err)
					}
				}
				h2 := &http.Transport{Protocols: new(http.Protocols)}
				h2.Protocols.SetUnencryptedHTTP2(true)
				defer h2.CloseIdleConnections()
				req, _ := http.NewRequest("GET", b.url, nil)
				res, err := h2.RoundTrip(req)
				if err != nil {
					return // not even a head: no more than that can be said
				}
				if res.StatusCode == http.StatusBadGateway {
					_ = res.Body.Close()
					return
				}
				first := make([]byte, 5)
				_, err = io.ReadFull(res.Body, first)
				seen <- struct{}{}
				if err == nil {
					_, err = res.Body.Read(first)
				}
				if err == nil || err == io.EOF {
					t.Errorf("HTTP/2: the client takes this for all: %q, %v", first, err)
				}
				_ = res.Body.Close()
				b.counted(0, 3, 0)
			})
		}
	}
}

// rawUntil is raw that says when the first part of the body is there.
func (b *bench) rawUntil(request string, seen func()) (string, error) {
	b.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, request)
	var text strings.Builder
	part := make([]byte, 4096)
	told := false
	for {
		n, err := c.Read(part)
		text.Write(part[:n])
		if !told && strings.Contains(text.String(), "hello") {
			told = true
			seen()
		}
		if err == io.EOF {
			return text.String(), nil
		} else if err != nil {
			return text.String(), err
		}
	}
}
