package conformance

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The opcodes of RFC 6455, 5.2, and the bits beside them.
const (
	more, text, binaryOp, closing, ping, pong = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

	fin, rsv1, rsv2, rsv3 = 0x80, 0x40, 0x20, 0x10
)

// key masks what clients send: always the same, so that all runs are.
var key = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// head is a frame's, of a client, up to its payload.
func head(first byte, length int) []byte {
	var h []byte
	switch {
	case length < 126:
		h = []byte{first, 0x80 | byte(length)}
	case length < 1<<16:
		h = binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(length))
	default:
		h = binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, uint64(length))
	}
	return append(h, key[:]...)
}

// frame is one of a client.
func frame(first byte, payload string) []byte {
	masked := []byte(payload)
	for i := range masked {
		masked[i] ^= key[i%4]
	}
	return append(head(first, len(payload)), masked...)
}

// fragments is a message in frames of a size, each followed by others.
func fragments(op byte, message string, size int, between ...byte) []byte {
	var all []byte
	for len(message) > size {
		all = append(append(all, frame(op, message[:size])...), between...)
		message, op = message[size:], more
	}
	return append(all, frame(op|fin, message)...)
}

// ends is a close frame with a code and a reason.
func ends(code uint16, reason string) []byte {
	return frame(fin|closing, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// deflated are messages as permessage-deflate has them, RFC 7692: with what
// was in those before, or each by itself.
func deflated(t *testing.T, takeover bool, messages ...string) []byte {
	t.Helper()
	var all []byte
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		packed.Reset()
		if !takeover {
			w.Reset(&packed)
		}
		if _, err := io.WriteString(w, m); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		all = append(all, frame(fin|rsv1|text, strings.TrimSuffix(packed.String(), "\x00\x00\xff\xff"))...)
	}
	return all
}

// upgraded is a connection that has become a WebSocket's, and what is read
// from it.
type upgraded struct {
	*net.TCPConn
	from   *bufio.Reader
	header http.Header // of the answer, or of the request
}

// upgrade asks a server for a WebSocket, and sends a beginning with that.
func upgrade(t *testing.T, addr string, extensions []string, early []byte) upgraded {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	// Only what hangs meets this.
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	r := "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, e := range extensions {
		r += "Sec-WebSocket-Extensions: " + e + "\r\n"
	}
	if _, err := c.Write(append([]byte(r+"\r\n"), early...)); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(c)
	res, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("answered with %s", res.Status)
	}
	return upgraded{c.(*net.TCPConn), from, res.Header}
}

// said is what one side has heard of the other.
type said struct {
	header string // what it has of WebSocket
	bytes  []byte
	end    string // how it ended
}

// hear reads to the end.
func (c upgraded) hear() said {
	var s said
	for _, name := range []string{"Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Accept", "Sec-Websocket-Extensions", "Sec-Websocket-Protocol", "Sec-Websocket-Version"} {
		s.header += name + ": " + strings.Join(c.header[name], "|") + "\n"
	}
	var err error
	s.bytes, err = io.ReadAll(c.from)
	switch {
	case err == nil:
		s.end = "closed"
	case errors.Is(err, syscall.ECONNRESET):
		s.end = "reset"
	default:
		s.end = err.Error()
	}
	return s
}

// same complains of what is not as it was directly.
func same(t *testing.T, who string, direct, breaker said) {
	t.Helper()
	if direct.header != breaker.header || direct.end != breaker.end {
		t.Errorf("%s: %sand %s\nthrough the breaker: %sand %s", who, direct.header, direct.end, breaker.header, breaker.end)
	}
	if !bytes.Equal(direct.bytes, breaker.bytes) {
		at := 0
		for at < min(len(direct.bytes), len(breaker.bytes)) && direct.bytes[at] == breaker.bytes[at] {
			at++
		}
		t.Errorf("%s: %d bytes, through the breaker %d; from %d on % x became % x", who, len(direct.bytes), len(breaker.bytes), at,
			clip(direct.bytes[at:]), clip(breaker.bytes[at:]))
	}
}

func clip(b []byte) []byte { return b[:min(len(b), 32)] }

// inPieces writes in pieces of a size; 0: at once.
func inPieces(to io.Writer, all []byte, size int) error {
	if size == 0 {
		size = max(len(all), 1)
	}
	for piece := range slices.Chunk(all, size) {
		if _, err := to.Write(piece); err != nil {
			return err
		}
	}
	return nil
}
