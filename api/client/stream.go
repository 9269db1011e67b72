package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/syndicate/syndicate/api"
)

// ErrUnfinished is the error of a stream that broke off: the engine ended
// without a last word, or cut this client off.
var ErrUnfinished = errors.New("the engine ended before it had told everything")

// request is what a stream answers to.
type request struct {
	method, path string
	query        url.Values
	body         *body
}

// follow calls fn with each event of a stream until that is complete. An
// error of fn ends it and is returned.
func follow[T any](ctx context.Context, c *Client, req request, fn func(T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := fmt.Errorf("the engine has said nothing for %s", silence)
	watchdog := time.AfterFunc(silence, func() { cancel(silent) })
	defer watchdog.Stop()
	resp, err := c.do(ctx, req.method, req.path, req.query, req.body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := api.Readable(resp.Header.Get(api.VersionHeader)); err != nil {
		return err
	}
	r := eventReader{r: bufio.NewReaderSize(resp.Body, 32<<10), heard: func() { watchdog.Reset(silence) }}
	for {
		kind, data, err := r.next()
		switch {
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errEventSize):
			return err
		case err != nil:
			return ErrUnfinished
		case kind == "end":
			return nil
		case kind == "problem":
			var p api.Problem
			if err := json.Unmarshal(data, &p); err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
			return &Error{Code: p.Status, Text: p.Detail}
		case kind != "":
			continue // of a later version
		}
		var v T
		if err := json.Unmarshal(data, &v); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if err := fn(v); err != nil {
			return err
		}
	}
}

// errEventSize is the error of an event that cannot be one of the engine's.
var errEventSize = fmt.Errorf("read answer: an event of more than %d MiB", maxEvent>>20)

// eventReader reads server-sent events.
type eventReader struct {
	r     *bufio.Reader
	heard func() // called for each line
	data  []byte
}

// next returns the next event that has data. The data are valid until the
// next call.
func (r *eventReader) next() (kind string, data []byte, err error) {
	r.data = r.data[:0]
	full := false
	for {
		line, err := r.line()
		if err != nil {
			return "", nil, err
		}
		r.heard()
		if len(line) == 0 {
			if full {
				return kind, r.data, nil
			}
			kind = ""
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			kind = string(value)
		case "data":
			if full {
				r.data = append(r.data, '\n')
			}
			if full = true; len(r.data)+len(value) > maxEvent {
				return "", nil, errEventSize
			}
			r.data = append(r.data, value...)
		}
	}
}

// line reads one line, which is valid until the next call.
func (r *eventReader) line() ([]byte, error) {
	line, err := r.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		long := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) {
			if len(long) > maxEvent {
				return nil, errEventSize
			}
			line, err = r.r.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // an event ends with an empty line
		}
		return nil, err
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
}

// Down has everything stopped, and returns once all has. It calls progress,
// which may be nil, with each event of the answer.
func (c *Client) Down(ctx context.Context, req api.DownRequest, progress func(api.DownProgress)) error {
	b, err := jsonBody(req)
	if err != nil {
		return fmt.Errorf("ask to stop: %w", err)
	}
	done := false
	err = follow(ctx, c, request{http.MethodPost, api.PathDown, nil, b}, func(p api.DownProgress) error {
		done = p.Done
		if progress != nil {
			progress(p)
		}
		return nil
	})
	switch {
	case done:
		return nil
	case err == nil:
		err = ErrUnfinished
	}
	return fmt.Errorf("wait for the stop: %w", err)
}
