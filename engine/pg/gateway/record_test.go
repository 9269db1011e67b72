package gateway

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder relays connections, and keeps every byte of them.
type recorder struct {
	listener net.Listener
	to       string
	relays   sync.WaitGroup

	mu    sync.Mutex
	calls []*[2]bytes.Buffer // what clients sent, and what they got, by connection; guarded by mu
}

func record(t *testing.T, to string) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{listener: l, to: to}
	r.relays.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			call := &[2]bytes.Buffer{}
			r.mu.Lock()
			r.calls = append(r.calls, call)
			r.mu.Unlock()
			r.relays.Go(func() { r.relay(conn, call) })
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	return r
}

func (r *recorder) relay(client net.Conn, call *[2]bytes.Buffer) {
	defer client.Close()
	server, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer server.Close()
	up := make(chan struct{})
	go func() {
		defer close(up)
		_, _ = io.Copy(io.MultiWriter(server, &call[0]), client)
		closeWrite(server)
	}()
	_, _ = io.Copy(io.MultiWriter(client, &call[1]), server)
	_ = client.Close()
	<-up
}

// trace returns all of it once every connection has ended, without what is
// another's each time.
func (r *recorder) trace(t *testing.T) [][2][]byte {
	t.Helper()
	_ = r.listener.Close()
	r.relays.Wait()
	var all [][2][]byte
	for _, call := range r.calls {
		sent, got := call[0].Bytes(), call[1].Bytes()
		answers := 0 // to requests for encryption, a byte each
		rest := sent
		for len(rest) >= 8 && (binary.BigEndian.Uint32(rest[4:]) == codeSSL || binary.BigEndian.Uint32(rest[4:]) == codeGSSENC) {
			answers, rest = answers+1, rest[8:]
		}
		if len(rest) == 0 && answers > 0 { // it wanted encryption or nothing
			all = append(all, [2][]byte{sent, got})
			continue
		}
		if len(rest) < 8 {
			t.Fatalf("a connection began with %q", sent)
		}
		if binary.BigEndian.Uint32(rest[4:]) == codeCancel {
			clear(rest[8:])
			all = append(all, [2][]byte{sent, got})
			continue
		}
		unorder(t, rest)
		each(t, rest[binary.BigEndian.Uint32(rest):], func(kind byte, body []byte) {
			if kind == 'p' { // nonces and proofs
				clear(body)
			}
		})
		each(t, got[answers:], forget)
		all = append(all, [2][]byte{sent, got})
	}
	return all
}

// each goes through the messages of a stream.
func each(t *testing.T, stream []byte, f func(kind byte, body []byte)) {
	t.Helper()
	for i := 0; i+headSize <= len(stream); {
		size := int(binary.BigEndian.Uint32(stream[i+1:]))
		if size < 4 || i+1+size > len(stream) {
			t.Fatalf("no message at %d of %d bytes", i, len(stream))
		}
		f(stream[i], stream[i+headSize:i+1+size])
		i += 1 + size
	}
}

// forget clears what a server says otherwise each time: keys, process IDs,
// nonces, and the numbers of temporary tables.
func forget(kind byte, body []byte) {
	switch kind {
	case 'K':
		clear(body)
	case 'A':
		clear(body[:4])
	case 'R':
		if k := binary.BigEndian.Uint32(body); k == saslContinue || k == saslFinal {
			clear(body[4:])
		}
	case 'T':
		for rest := body[2:]; len(rest) > 0; {
			_, field, _ := bytes.Cut(rest, []byte{0})
			clear(field[:4]) // the table's
			rest = field[18:]
		}
	}
}

// unorder sorts the parameters of a startup packet: pgx sends them as they
// come out of a map.
func unorder(t *testing.T, packet []byte) {
	t.Helper()
	packet = packet[:binary.BigEndian.Uint32(packet)]
	s, err := parseStartup(packet)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(s.params, func(a, b param) int { return strings.Compare(a.name, b.name) })
	copy(packet, s.encode())
}
