package proxy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// answer is what the proxy says in place of the upstream.
type answer struct {
	status int
	header http.Header
	body   io.ReadCloser
	length int64 // -1: unknown
}

// The headers that tell who answered.
const (
	headerBreaker = "X-Syndicate-Breaker"
	headerRetry   = "Retry-After"
)

// textAnswer makes an answer of bytes.
func textAnswer(status int, contentType string, body []byte) *answer {
	return &answer{
		status: status, length: int64(len(body)), body: io.NopCloser(bytes.NewReader(body)),
		header: http.Header{"Content-Type": {contentType}},
	}
}

// write sends an answer to a client.
func (a *answer) write(w http.ResponseWriter, r *http.Request) {
	defer func() { _ = a.body.Close() }()
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	if a.length >= 0 {
		h.Set("Content-Length", strconv.FormatInt(a.length, 10))
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		// A client that is gone needs no answer.
		_, _ = io.Copy(w, a.body)
	}
}

// response is the answer as one that came from upstream.
func (a *answer) response(r *http.Request) *http.Response {
	if r.Method == http.MethodHead {
		_ = a.body.Close()
		a.body = http.NoBody
	}
	if a.length >= 0 {
		a.header.Set("Content-Length", strconv.FormatInt(a.length, 10))
	}
	return &http.Response{
		StatusCode: a.status, Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: a.body, ContentLength: a.length, Request: r,
	}
}

// trouble is why the upstream does not answer.
type trouble struct {
	status int    // for the client: 502, 503, 504
	reason string // one word: open, full, failed, timeout
	detail string // in words, without secrets
	open   *breaker.OpenError
}

func opened(err *breaker.OpenError) *trouble {
	return &trouble{http.StatusServiceUnavailable, "open", err.Error(), err}
}

func full(err error) *trouble {
	return &trouble{http.StatusServiceUnavailable, "full", err.Error(), nil}
}

// retryAfter is how long a client had best wait; zero: nobody knows.
func (t *trouble) retryAfter() time.Duration {
	switch {
	case t.open != nil:
		return t.open.RetryAfter(time.Now())
	case t.reason == "full":
		return time.Second
	}
	return 0
}

// problem is the answer where no fallback has one: the details of RFC 9457,
// or, for gRPC, a status without a body.
func (p *HTTP) problem(r *http.Request, t *trouble) *answer {
	after := t.retryAfter()
	var a *answer
	if isGRPC(r.Header) {
		a = textAnswer(http.StatusOK, "application/grpc", nil)
		a.header.Set("Grpc-Status", "14") // UNAVAILABLE
		a.header.Set("Grpc-Message", grpcMessage(p.cfg.Name+": "+t.detail))
	} else {
		text, err := json.Marshal(struct {
			Type       string `json:"type"`
			Title      string `json:"title"`
			Status     int    `json:"status"`
			Detail     string `json:"detail"`
			Breaker    string `json:"breaker"`
			Reason     string `json:"reason"`
			RetryAfter int    `json:"retry_after_seconds,omitempty"`
		}{"about:blank", http.StatusText(t.status), t.status, p.cfg.Name + ": " + t.detail, p.cfg.Name, t.reason, int(after / time.Second)})
		if err != nil {
			panic(err) // strings and numbers
		}
		a = textAnswer(t.status, "application/problem+json", text)
	}
	a.header.Set("Cache-Control", "no-store")
	p.mark(a, t, "breaker")
	return a
}

// mark tells who answered, why, and when to come again.
func (p *HTTP) mark(a *answer, t *trouble, source string) {
	a.header.Set(headerBreaker, p.cfg.Name+"; source="+source+"; reason="+t.reason)
	if after := t.retryAfter(); after > 0 && a.status >= 500 {
		a.header.Set(headerRetry, strconv.Itoa(int(after/time.Second)))
	}
}

// parseRetryAfter reads the header of that name in both of its forms (RFC
// 9110, section 10.2.3); zero where it says nothing.
func parseRetryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get(headerRetry)
	if text == "" {
		return 0
	}
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
