// Package client asks a running engine through its control socket.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/syndicate/syndicate/api"
)

// Bounds of what a client waits for and reads.
const (
	connectTimeout = 5 * time.Second
	answerTimeout  = 10 * time.Second
	silence        = 3 * api.Heartbeat // of a stream
	maxAnswer      = 256 << 20         // a status of very many units
	shortUnit      = 200               // about what one that runs well takes in an answer
	maxEvent       = 16 << 20          // of a stream
)

// ErrNobody is the error of a state directory where no engine answers: none
// runs, or the one that did is dead.
var ErrNobody = errors.New("no engine answers")

// ErrSilent is the error of an engine that takes connections and does not
// answer: it hangs, or was stopped by a signal.
var ErrSilent = fmt.Errorf("the engine did not answer within %s", answerTimeout)

// Error is a refusal by the engine.
type Error struct {
	Code int // of HTTP
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("the engine refused: %s (%d)", e.Text, e.Code) }

// ForbiddenError is the error of an engine that is another user's.
type ForbiddenError struct{ StateDir string }

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("no permission to reach the engine in %s: only its own user and root may", e.StateDir)
}

// Client speaks with the engine of one state directory.
type Client struct {
	stateDir string
	http     *http.Client
}

// New returns a client. It connects when it is asked something.
func New(stateDir string) *Client {
	return &Client{stateDir: stateDir, http: &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, connectTimeout)
				defer cancel()
				return api.Dial(ctx, stateDir)
			},
			DisableKeepAlives:  true,
			DisableCompression: true,
			ReadBufferSize:     64 << 10, // else an answer of 1,000 units comes in 65 pieces
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Status returns a snapshot of the system.
func (c *Client) Status(ctx context.Context) (api.Status, error) { return c.status(ctx, nil) }

// StatusWithLines returns a snapshot with so many last lines of each unit that
// is not well.
func (c *Client) StatusWithLines(ctx context.Context, lines int) (api.Status, error) {
	return c.status(ctx, url.Values{"lines": {strconv.Itoa(lines)}})
}

func (c *Client) status(ctx context.Context, query url.Values) (api.Status, error) {
	var st api.Status
	ctx, cancel := answerBy(ctx)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, api.PathStatus, query, nil)
	if err != nil {
		return st, fmt.Errorf("ask for status: %w", err)
	}
	defer resp.Body.Close()
	st.Units = make([]api.Unit, 0, max(0, min(resp.ContentLength, maxAnswer))/shortUnit) // growing would take twice that
	if err := readLong(resp, &st); err != nil {
		return st, fmt.Errorf("ask for status: read answer: %w", reason(ctx, err))
	}
	return st, api.Readable(st.FormatVersion)
}

// Answers asks whether the engine answers, whatever the state of the system.
// That costs both sides next to nothing.
func (c *Client) Answers(ctx context.Context) error {
	ctx, cancel := answerBy(ctx)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, api.PathHealthz, nil, nil)
	if err != nil {
		return fmt.Errorf("ask whether the engine answers: %w", err)
	}
	defer resp.Body.Close()
	var h api.Health
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&h); err != nil {
		return fmt.Errorf("ask whether the engine answers: %w", reason(ctx, err))
	}
	return api.Readable(h.FormatVersion)
}

// Units decodes what runs, as plan compares with it, into v.
func (c *Client) Units(ctx context.Context, v any) error {
	ctx, cancel := answerBy(ctx)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, api.PathUnits, nil, nil)
	if err != nil {
		return fmt.Errorf("ask for units: %w", err)
	}
	defer resp.Body.Close()
	if err := readLong(resp, v); err != nil {
		return fmt.Errorf("ask for units: read answer: %w", reason(ctx, err))
	}
	return nil
}

// readLong decodes an answer that grows with the system: in one pass, which
// takes half the time.
func readLong(resp *http.Response, v any) error {
	return jsonv2.UnmarshalRead(io.LimitReader(resp.Body, maxAnswer), v)
}

// Questions asks what the configuration asked that was applied last.
func (c *Client) Questions(ctx context.Context) (api.Questions, error) {
	var q api.Questions
	ctx, cancel := answerBy(ctx)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, api.PathQuestions, nil, nil)
	if err != nil {
		return q, fmt.Errorf("ask for questions: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&q); err != nil {
		return q, fmt.Errorf("ask for questions: read answer: %w", reason(ctx, err))
	}
	return q, api.Readable(q.FormatVersion)
}

// Metrics copies the metrics in Prometheus' text format to w.
func (c *Client) Metrics(ctx context.Context, w io.Writer) error {
	ctx, cancel := answerBy(ctx)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, api.PathMetrics, nil, nil)
	if err != nil {
		return fmt.Errorf("ask for metrics: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return fmt.Errorf("ask for metrics: %w", reason(ctx, err))
	}
	return nil
}

// answerBy bounds the wait for an answer that comes at once.
func answerBy(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, answerTimeout, ErrSilent)
}

// body is what a request sends.
type body struct {
	media string
	data  []byte
}

// jsonBody encodes a request.
func jsonBody(v any) (*body, error) {
	data, err := json.Marshal(v)
	return &body{"application/json", data}, err
}

// do sends one request and returns the answer to a successful one.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, b *body) (*http.Response, error) {
	target := "http://syndicate" + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	var data []byte
	if b != nil {
		data = b.data
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if b != nil {
		req.Header.Set("Content-Type", b.media)
	}
	resp, err := c.http.Do(req)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, ErrNobody
	case errors.Is(err, syscall.EACCES):
		return nil, &ForbiddenError{c.stateDir}
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		// An engine hangs up on whoever is not its own user or root.
		if ctx.Err() == nil && c.another() {
			return nil, &ForbiddenError{c.stateDir}
		}
		return nil, reason(ctx, err)
	default:
		return nil, reason(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var p api.Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&p); err != nil || p.Detail == "" {
		p.Detail = http.StatusText(resp.StatusCode)
	}
	return nil, &Error{Code: resp.StatusCode, Text: p.Detail}
}

// another reports whether the engine's socket is another user's, and this one
// not root.
func (c *Client) another() bool {
	info, err := os.Lstat(filepath.Join(c.stateDir, api.SocketName))
	if err != nil || os.Geteuid() == 0 {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) != os.Geteuid()
}

// reason prefers why a context ended to the error that this led to.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
