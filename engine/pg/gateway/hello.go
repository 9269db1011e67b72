package gateway

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// The codes of the packets that begin a connection, in the place of a
// protocol version.
const (
	codeCancel = 80877102
	codeSSL    = 80877103
	codeGSSENC = 80877104
)

// PostgreSQL's own bounds: of a startup packet (MAX_STARTUP_PACKET_LENGTH),
// and of a cancel key in protocol 3.2.
const (
	maxStartup   = 10000
	maxCancelKey = 256
)

// helloTimeout is how long a client may take to say what it wants:
// PostgreSQL's authentication_timeout.
const helloTimeout = time.Minute

// alpn is the name of PostgreSQL's protocol, which a client of direct TLS
// has to give.
const alpn = "postgresql"

// hello is what a client wants: a session, or the cancellation of a query.
type hello struct {
	conn   net.Conn // encrypted where the client has asked for that
	packet []byte   // as it came, with its length
	cancel bool
}

// greet reads the packets before a session, and answers those that ask for
// encryption.
func (g *Gateway) greet(conn net.Conn) (hello, error) {
	if err := conn.SetDeadline(time.Now().Add(helloTimeout)); err != nil {
		return hello{}, err
	}
	h, err := g.negotiate(conn)
	if err != nil {
		return h, err
	}
	return h, h.conn.SetDeadline(time.Time{})
}

func (g *Gateway) negotiate(conn net.Conn) (hello, error) {
	h := hello{conn: conn}
	encrypted := false
	// As the server does: each kind of encryption can be asked for once.
	for range 3 {
		packet, direct, err := readHello(h.conn)
		switch {
		case err != nil:
			return h, err
		case direct:
			if encrypted || g.tls == nil {
				return h, errors.New("a client began TLS without asking, and there is no certificate")
			}
			h.conn, err = serveTLS(&peeked{Conn: conn, first: packet}, g.tls, true)
			if err != nil {
				return h, err
			}
			encrypted = true
			continue
		}
		switch binary.BigEndian.Uint32(packet[4:]) {
		case codeSSL:
			answer := byte('N')
			if g.tls != nil && !encrypted {
				answer = 'S'
			}
			if _, err := h.conn.Write([]byte{answer}); err != nil {
				return h, err
			}
			if answer == 'S' {
				if h.conn, err = serveTLS(conn, g.tls, false); err != nil {
					return h, err
				}
				encrypted = true
			}
		case codeGSSENC:
			if _, err := h.conn.Write([]byte{'N'}); err != nil {
				return h, err
			}
		case codeCancel:
			h.packet, h.cancel = packet, true
			return h, nil
		default:
			h.packet = packet
			return h, nil
		}
	}
	return h, errors.New("a client asked for encryption again and again")
}

// readHello reads one packet without a type, and nothing that comes after
// it. direct says that what begins there is TLS; packet is its first byte
// then.
func readHello(r io.Reader) (packet []byte, direct bool, err error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head[:1]); err != nil {
		return nil, false, err
	}
	if head[0] == 0x16 { // the content type of a TLS handshake
		return head[:1], true, nil
	}
	if _, err := io.ReadFull(r, head[1:]); err != nil {
		return nil, false, err
	}
	size := binary.BigEndian.Uint32(head)
	if size < 8 || size > maxStartup {
		return nil, false, fmt.Errorf("the first packet says that it has %d bytes: what connects does not speak PostgreSQL's protocol", size)
	}
	packet = append(make([]byte, 0, size), head...)[:size]
	if _, err := io.ReadFull(r, packet[8:]); err != nil {
		return nil, false, err
	}
	return packet, false, nil
}

// serveTLS makes a connection encrypted. Bytes that came before the
// handshake are part of it, so that nobody can slip a plain packet in front.
func serveTLS(conn net.Conn, cfg *tls.Config, direct bool) (net.Conn, error) {
	t := tls.Server(conn, cfg)
	if err := t.Handshake(); err != nil {
		return conn, fmt.Errorf("TLS with a client: %w", err)
	}
	if direct && t.ConnectionState().NegotiatedProtocol != alpn {
		return conn, errors.New("TLS with a client: it asked for direct TLS without the protocol " + alpn)
	}
	return t, nil
}

// serverTLS is a configuration for clients, with the protocol's name.
func serverTLS(cert tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{alpn},
	}
}

// peeked is a connection of which the first bytes were read already.
type peeked struct {
	net.Conn
	first []byte
}

// Read returns what was read already, then what comes.
func (p *peeked) Read(b []byte) (int, error) {
	if len(p.first) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

// cancelKey returns the key of a cancel request: the process ID and the
// secret, whatever their length, as BackendKeyData has them.
func cancelKey(packet []byte) (string, error) {
	key := packet[8:]
	if len(key) < 8 || len(key) > 4+maxCancelKey {
		return "", fmt.Errorf("a cancel request has a key of %d bytes", len(key))
	}
	return string(bytes.Clone(key)), nil
}
