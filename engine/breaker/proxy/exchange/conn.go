package exchange

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/socket"
)

// conn is a connection to the server, of one call at a time.
type conn struct {
	net.Conn
	client *Client
	r      *bufio.Reader
	left   int64 // bytes that may still be read
	broken bool  // there is no more to read
	reused bool
	since  time.Time // it is idle
}

// bounded reads from a connection as much as may be.
type bounded struct{ *conn }

func (b bounded) Read(into []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the head of the answer is longer than %d bytes", b.client.MaxHead)
	}
	if int64(len(into)) > b.left {
		into = into[:b.left]
	}
	n, err := b.Conn.Read(into)
	b.left -= int64(n)
	b.broken = err != nil
	return n, err
}

// outcome is how far a request came that has no answer.
type outcome int

const (
	untaken   outcome = iota // a kept connection took no byte of it
	nothing                  // of an answer came
	something                // of an answer came
)

// exchange sends a request and reads the head of its answer.
func (c *conn) exchange(req *http.Request, message []byte, trace *httptrace.ClientTrace) (res *http.Response, came outcome, err error) {
	stop := context.AfterFunc(req.Context(), func() { _ = c.Close() })
	defer func() {
		if err != nil {
			stop()
		}
	}()
	n, failed := c.Write(message)
	switch {
	case failed != nil && n == 0 && c.reused:
		return nil, untaken, failed
	case failed != nil && !socket.Arrived(c.Conn):
		return nil, nothing, failed
	}
	// A server may answer and close before it has read everything. What it said
	// is there to be read, whatever became of the request.
	c.left = c.client.MaxHead
	if _, err := c.r.Peek(1); err != nil {
		return nil, nothing, cmp.Or(failed, err)
	}
	if trace != nil && trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	if res, err = c.head(req, trace); err != nil {
		return nil, something, err
	}
	c.left = math.MaxInt64
	body := &body{ReadCloser: res.Body, conn: c, stop: stop, keep: !res.Close && !req.Close && failed == nil, ctx: req.Context()}
	if res.Body == http.NoBody {
		body.end(true)
	} else {
		res.Body = body
	}
	return res, something, nil
}

// ErrSwitched is a 101 to a request that did not ask for that protocol.
var ErrSwitched = errors.New("the server switched to another protocol, which nobody asked for")

// head reads the head of the answer, and what comes before.
func (c *conn) head(req *http.Request, trace *httptrace.ClientTrace) (*http.Response, error) {
	for {
		res, err := http.ReadResponse(c.r, req)
		switch {
		case err != nil && c.broken:
			return nil, fmt.Errorf("connection broken within the head of the answer: %w", err)
		case err != nil:
			return nil, err
		case res.StatusCode == http.StatusSwitchingProtocols:
			return nil, ErrSwitched
		case res.StatusCode >= 200 || res.StatusCode < 100:
			return res, nil
		case trace != nil && trace.Got1xxResponse != nil:
			if err := trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
				return nil, err
			}
			c.left = c.client.MaxHead
		}
	}
}

// body is the body of an answer, with whose end the connection is free.
type body struct {
	io.ReadCloser
	conn  *conn
	stop  func() bool // forgets the request's context, unless it has ended
	keep  bool        // the connection may serve again
	ended atomic.Bool
	ctx   context.Context
}

// Read implements io.Reader.
func (b *body) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if err != nil {
		b.end(err == io.EOF)
		if err != io.EOF {
			err = ended(b.ctx, err)
		}
	}
	return n, err
}

// Close implements io.Closer. A connection whose answer nobody reads to its
// end is of no more use.
func (b *body) Close() error {
	b.end(false)
	return nil
}

func (b *body) end(whole bool) {
	if b.ended.Swap(true) {
		return
	}
	if b.stop() && whole && b.keep && b.conn.r.Buffered() == 0 {
		b.conn.client.keep(b.conn)
	} else {
		_ = b.conn.Close()
	}
}
