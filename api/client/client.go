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
	"syscall"
	"time"

	"github.com/syndicate/syndicate/api"
)

// Bounds of what a client waits for and reads.
const (
	connectTimeout = 5 * time.Second
	answerTimeout  = 10 * time.Second
	lineTimeout    = 15 * time.Second // between two lines of a stream
	maxAnswer      = 256 << 20        // a status of very many units
	maxLine        = 16 << 20
)

// ErrNobody is the error of a state directory where no engine answers: none
// runs, or the one that did is dead.
var ErrNobody = errors.New("no engine answers")

// Error is a refusal by the engine.
type Error struct {
	Code int // of HTTP
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("the engine refused: %s (%d)", e.Text, e.Code) }

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
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Status returns a snapshot of the system.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	var st api.Status
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, fmt.Errorf("the engine did not answer within %s", answerTimeout))
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, "/v1/status", nil)
	if err != nil {
		return st, fmt.Errorf("ask for status: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&st); err != nil {
		return st, fmt.Errorf("ask for status: read answer: %w", reason(ctx, err))
	}
	return st, api.Readable(st.FormatVersion)
}

// Down has everything stopped, and returns once all has. It calls progress,
// which may be nil, with each line of the answer. ErrUnfinished means that
// the engine ended without a last word, or that the connection broke.
func (c *Client) Down(ctx context.Context, req api.DownRequest, progress func(api.DownProgress)) error {
	body, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("ask to stop: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := fmt.Errorf("the engine has said nothing for %s", lineTimeout)
	watchdog := time.AfterFunc(lineTimeout, func() { cancel(silent) })
	defer watchdog.Stop()
	resp, err := c.do(ctx, http.MethodPost, "/v1/down", body)
	if err != nil {
		return fmt.Errorf("ask to stop: %w", err)
	}
	defer resp.Body.Close()
	d := json.NewDecoder(&lineLimit{r: resp.Body})
	for {
		var p api.DownProgress
		if err := d.Decode(&p); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("wait for the stop: %w", context.Cause(ctx))
			}
			return fmt.Errorf("wait for the stop: %w", ErrUnfinished)
		}
		watchdog.Reset(lineTimeout)
		if err := api.Readable(p.FormatVersion); err != nil {
			return err
		}
		if progress != nil {
			progress(p)
		}
		if p.Done {
			return nil
		}
	}
}

// ErrUnfinished is the error of a stop whose last line did not come.
var ErrUnfinished = errors.New("the engine ended before it said that all has stopped")

// lineLimit bounds what a stream may send without a line's end.
type lineLimit struct {
	r io.Reader
	n int
}

// Read reads on while lines end.
func (l *lineLimit) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if i := bytes.LastIndexByte(p[:n], '\n'); i >= 0 {
		l.n = n - i - 1
	} else if l.n += n; l.n > maxLine {
		return 0, errors.New("a line without end")
	}
	return n, err
}

// do sends one request and returns the answer to a successful one.
func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://syndicate"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, ErrNobody
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("no permission to reach the engine in %s: only its own user and root may", c.stateDir)
	default:
		return nil, reason(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var p api.Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&p); err != nil || p.Error == "" {
		p.Error = http.StatusText(resp.StatusCode)
	}
	return nil, &Error{Code: resp.StatusCode, Text: p.Error}
}

// reason prefers why a context ended to the error that this led to.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
