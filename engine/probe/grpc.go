package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// The health protocol: one method, a request with a name in field 1, an
// answer with a status in field 1.
const (
	grpcPath    = "/grpc.health.v1.Health/Check"
	grpcMaxName = 1 << 10
	grpcMaxBody = 4 << 10
)

// The values of HealthCheckResponse.ServingStatus.
const (
	healthUnknown = iota
	healthServing
	healthNotServing
	healthServiceUnknown
)

// grpcCheck asks the standard health service over unencrypted HTTP/2.
type grpcCheck struct {
	what    string
	addr    string
	service string
	body    []byte
}

func newGRPCCheck(target string) (*grpcCheck, error) {
	addr, service, _ := strings.Cut(target, "/")
	if err := validAddr(addr); err != nil {
		return nil, err
	}
	if len(service) > grpcMaxName {
		return nil, fmt.Errorf("the name of the service is longer than %d bytes", grpcMaxName)
	}
	return &grpcCheck{what: "grpc health of " + target, addr: addr, service: service, body: healthRequest(service)}, nil
}

// healthRequest returns the framed message: no compression, its length, and
// field 1 as a string where there is a name.
func healthRequest(service string) []byte {
	var msg []byte
	if service != "" {
		msg = append(msg, 1<<3|2)
		msg = binary.AppendUvarint(msg, uint64(len(service)))
		msg = append(msg, service...)
	}
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(msg)))
	return append(frame, msg...)
}

// healthAnswer reads the status out of a framed message. A message without
// the field means 0, as everywhere in this encoding.
func healthAnswer(frame []byte) (uint64, error) {
	bad := errors.New("the answer is no health status")
	if len(frame) < 5 || frame[0] != 0 || uint64(binary.BigEndian.Uint32(frame[1:])) != uint64(len(frame)-5) {
		return 0, bad
	}
	var status uint64
	for msg := frame[5:]; len(msg) > 0; {
		tag, n := binary.Uvarint(msg)
		if n <= 0 {
			return 0, bad
		}
		msg = msg[n:]
		size := uint64(0)
		switch tag & 7 {
		case 0:
			value, n := binary.Uvarint(msg)
			if n <= 0 {
				return 0, bad
			}
			if tag>>3 == 1 {
				status = value
			}
			size = uint64(n)
		case 1:
			size = 8
		case 2:
			length, n := binary.Uvarint(msg)
			if n <= 0 || length > uint64(len(msg)) {
				return 0, bad
			}
			size = uint64(n) + length
		case 5:
			size = 4
		default:
			return 0, bad
		}
		if size > uint64(len(msg)) {
			return 0, bad
		}
		msg = msg[size:]
	}
	return status, nil
}

func (c *grpcCheck) look(ctx context.Context, timeout time.Duration) error {
	tctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// The connection is closed here: a transport keeps one whose server
	// hangs, since it counts as busy and not as idle.
	conn, err := dial(tctx, c.addr, time.Now().Add(timeout))
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return plain(err, timeout)
	}
	defer conn.Close()
	transport := &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return answerFirst{conn}, nil },
		Protocols:          new(http.Protocols),
		DisableCompression: true,
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(tctx, http.MethodPost, "http://"+c.addr+grpcPath, bytes.NewReader(c.body))
	if err != nil {
		return errors.New("its target is no address")
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	req.Header.Set("User-Agent", "syndicate-probe")
	resp, err := transport.RoundTrip(req)
	if err == nil {
		err = c.judge(resp)
		_ = resp.Body.Close()
	} else if p := plain(err, timeout); p.Error() == "no valid answer" {
		err = errors.New("the answer is not gRPC")
	} else {
		err = p
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case tctx.Err() != nil:
		return fmt.Errorf("no answer within %s", short(timeout))
	}
	return err
}

// answerFirst hides that the peer no longer reads: what it said before it
// hung up tells more, and reading meets that or the same end.
type answerFirst struct{ net.Conn }

func (c answerFirst) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return len(p), nil
	}
	return n, err
}

// judge returns nil where the answer says SERVING.
func (c *grpcCheck) judge(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d instead of a gRPC answer", resp.StatusCode)
	}
	frame, err := io.ReadAll(io.LimitReader(resp.Body, grpcMaxBody+1))
	if err != nil {
		return errors.New("the answer broke off")
	}
	if len(frame) > grpcMaxBody {
		return errors.New("the answer is no health status")
	}
	code := resp.Trailer.Get("Grpc-Status")
	if code == "" {
		code = resp.Header.Get("Grpc-Status")
	}
	switch code {
	case "0":
	case "":
		return errors.New("the answer is not gRPC")
	case "5":
		return fmt.Errorf("the server does not know the service %q", c.service)
	case "12":
		return errors.New("the server has no grpc.health.v1.Health service")
	default:
		if len(code) > 3 {
			return errors.New("the answer is not gRPC")
		}
		return fmt.Errorf("gRPC error %s", code)
	}
	status, err := healthAnswer(frame)
	if err != nil {
		return err
	}
	switch status {
	case healthServing:
		return nil
	case healthUnknown:
		return errors.New("health is UNKNOWN")
	case healthNotServing:
		return errors.New("health is NOT_SERVING")
	case healthServiceUnknown:
		return errors.New("health is SERVICE_UNKNOWN")
	}
	return fmt.Errorf("health is %d", status)
}
