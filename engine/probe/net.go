package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// dial connects within the timeout, for one look that deadline ends.
func dial(ctx context.Context, addr string, deadline time.Time) (net.Conn, error) {
	d := net.Dialer{Deadline: deadline, KeepAlive: -1}
	return d.DialContext(ctx, "tcp", addr)
}

// tcpCheck succeeds where something accepts connections.
type tcpCheck struct{ addr string }

func newTCPCheck(target string) (*tcpCheck, error) {
	if err := validAddr(target); err != nil {
		return nil, err
	}
	return &tcpCheck{addr: target}, nil
}

func (c *tcpCheck) look(ctx context.Context, timeout time.Duration) error {
	conn, err := dial(ctx, c.addr, time.Now().Add(timeout))
	if err != nil {
		return plain(err, timeout)
	}
	// An orderly close, since many servers log a reset as an error.
	_ = conn.Close()
	return nil
}

// validAddr checks host:port, the host left out being this machine.
func validAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		var n int
		if n, err = strconv.Atoi(port); err == nil && (n < 1 || n > 65535) {
			err = errors.New("port out of range")
		}
	}
	if err != nil {
		return fmt.Errorf("%q is no address: write HOST:PORT, such as 127.0.0.1:5432", addr)
	}
	return nil
}

// plain returns the part of a network error that a person needs, without
// addresses (the probe's name has them) and without anything that the peer
// sent.
func plain(err error, timeout time.Duration) error {
	var (
		errno   syscall.Errno
		dns     *net.DNSError
		timed   net.Error
		verify  *tls.CertificateVerificationError
		notTLS  tls.RecordHeaderError
		invalid *net.AddrError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &errno) && errno != syscall.ETIMEDOUT:
		return errno
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timed) && timed.Timeout():
		return fmt.Errorf("no answer within %s", short(timeout))
	case errors.As(err, &dns):
		return fmt.Errorf("cannot resolve %s: %s", dns.Name, dns.Err)
	case errors.As(err, &verify):
		return fmt.Errorf("certificate refused: %w", verify.Err)
	case errors.As(err, &notTLS):
		return errors.New("the answer is not TLS: is it http:// instead of https://?")
	case errors.As(err, &invalid):
		return errors.New(invalid.Err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("connection closed without an answer")
	}
	return errors.New("no valid answer")
}
