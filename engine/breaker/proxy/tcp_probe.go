package proxy

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// TCPProbe is a short talk that a target has to pass before it gets a
// connection of a trial: that something accepts connections says little.
type TCPProbe struct {
	Send    string        // empty: the target speaks first
	Expect  string        // what its answer has to hold
	Timeout time.Duration // for sending and the answer. Default: 2s
}

// probeAnswer is the most of an answer that is looked at, in bytes.
const probeAnswer = 64 << 10

// pass has the talk over a connection of its own.
func (p *TCPProbe) pass(ctx context.Context, dialer *net.Dialer, target string) error {
	c, err := dialer.DialContext(ctx, "tcp", target)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	timeout := cmp.Or(p.Timeout, dialTimeout)
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, err := io.WriteString(c, p.Send); err != nil {
		return fmt.Errorf("its probe: %w", err)
	}
	var got []byte
	part := make([]byte, 4<<10)
	for {
		n, err := c.Read(part)
		got = append(got, part[:n]...)
		switch {
		case bytes.Contains(got, []byte(p.Expect)):
			return nil
		case err == nil && len(got) < probeAnswer:
			continue
		case err == nil:
			return fmt.Errorf("its probe: no %q in the first %d bytes of the answer", p.Expect, len(got))
		case isTimeout(err):
			return fmt.Errorf("its probe: no %q within %s%s", p.Expect, timeout, heard(got))
		case err == io.EOF:
			return fmt.Errorf("its probe: the connection was closed before %q%s", p.Expect, heard(got))
		}
		return fmt.Errorf("its probe: %w", err)
	}
}

// heard says what came instead, as far as a line shows it.
func heard(got []byte) string {
	line, _, _ := strings.Cut(string(got[:min(len(got), 80)]), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return ""
	}
	return fmt.Sprintf(", only %q", line)
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}
