package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker/proxy"
)

// hijacked is a server that is all the test's, once it has agreed to be a
// WebSocket's.
type hijacked struct{ net.Listener }

// pair is both ends of a connection to it by way of an address.
func (h hijacked) pair(t *testing.T, addr string, early, first []byte) (client, server upgraded) {
	t.Helper()
	accepted := make(chan upgraded, 1)
	go func() {
		defer close(accepted)
		c, err := h.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(time.Minute)) // only what hangs meets this
		from := bufio.NewReader(c)
		r, err := http.ReadRequest(from)
		if err != nil {
			t.Error(err)
			return
		}
		answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate; x=\"1, 2\", foo\r\n\r\n"
		if _, err := c.Write(append([]byte(answer), first...)); err != nil {
			t.Error(err)
		}
		accepted <- upgraded{c.(*net.TCPConn), from, r.Header}
	}()
	client = upgrade(t, addr, []string{`foo; a="b, c"`, "permessage-deflate; client_max_window_bits"}, early)
	server, ok := <-accepted
	if !ok {
		t.FailNow()
	}
	return client, server
}

// behind is such a server, and the address of a breaker before it.
func behind(t *testing.T) (h hijacked, breaker string) {
	t.Helper()
	h = hijacked{listen(t)}
	t.Cleanup(func() { _ = h.Close() })
	breaker, _ = through(t, "http://"+h.Addr().String(), proxy.Policy{})
	return h, breaker
}

// Both sides hear the same through a breaker as directly, whatever it is:
// also what no WebSocket may say, and where one side ends before the other.
func TestWebSocketSidesHear(t *testing.T) {
	mebibytes := make([]byte, 4<<20)
	for random, i := rand.NewPCG(1, 2), 0; i < len(mebibytes); i++ {
		mebibytes[i] = byte(random.Uint64())
	}
	half := append(head(fin|text, 1000), "half of it"...)
	says := func(what []byte, pieces int) func(upgraded) error {
		return func(c upgraded) error { return errors.Join(inPieces(c, what, pieces), c.CloseWrite()) }
	}
	later := func(say func(upgraded) error) func(upgraded) (said, error) {
		return func(c upgraded) (said, error) {
			s := c.hear()
			return s, say(c)
		}
	}
	now := func(say func(upgraded) error) func(upgraded) (said, error) {
		return func(c upgraded) (said, error) {
			done := make(chan error, 1)
			go func() { done <- say(c) }()
			s := c.hear()
			return s, <-done
		}
	}
	for name, c := range map[string]struct {
		early, first   []byte // with the request, and with the answer
		client, server func(upgraded) (said, error)
	}{
		"the client ends within a frame": {client: now(says(half, 0)), server: later(says(ends(1007, "what?"), 0))},
		"the server ends within a frame": {client: later(says(ends(1007, "what?"), 0)), server: now(says(half, 0))},
		"the client ends within a head":  {client: now(says(half[:3], 1)), server: later(says(ends(1002, ""), 0))},
		"the client ends at once":        {client: now(says(nil, 0)), server: later(says(frame(fin|text, "nevertheless"), 0))},
		"the server ends at once":        {client: later(says(frame(fin|text, "nevertheless"), 0)), server: now(says(nil, 0))},
		"with request and answer":        {early: frame(fin|text, "early"), first: half, client: now(says(half, 0)), server: now(says(half, 0))},
		"after a close": {
			client: now(says(slices.Concat(ends(1000, "bye"), frame(fin|text, "one more"), frame(fin|ping, ""), ends(1001, "again")), 0)),
			server: now(says(slices.Concat(ends(1000, "bye"), frame(fin|text, "one more")), 1)),
		},
		"any bytes both ways at once": {client: now(says(mebibytes, 4099)), server: now(says(mebibytes, 65521))},
	} {
		t.Run(name, func(t *testing.T) {
			h, breaker := behind(t)
			run := func(addr string) (client, server said) {
				there, here := h.pair(t, addr, c.early, c.first)
				heard := make(chan said, 1)
				go func() {
					s, err := c.server(here)
					if err != nil {
						t.Errorf("the server: %v", err)
					}
					heard <- s
				}()
				client, err := c.client(there)
				if err != nil {
					t.Errorf("the client: %v", err)
				}
				return client, <-heard
			}
			client, server := run(h.Addr().String())
			if client.end != "closed" || server.end != "closed" {
				t.Errorf("directly the client ended with %s, and the server with %s", client.end, server.end)
			}
			gotClient, gotServer := run(breaker)
			same(t, "the client", client, gotClient)
			same(t, "the server", server, gotServer)
		})
	}
}

// While nothing more fits in one way of a connection, the other is open: pings
// arrive, and nothing of what waits is lost.
func TestWebSocketOneWayFull(t *testing.T) {
	h, breaker := behind(t)
	var pings []byte
	for range 100 {
		pings = append(pings, frame(fin|ping, "are you there?")...)
	}
	message := frame(fin|binaryOp, string(bytes.Repeat([]byte("0123456789"), 6000)))
	for name, addr := range map[string]string{"directly": h.Addr().String(), "through a breaker": breaker} {
		for _, way := range []string{"to the client", "to the server"} {
			t.Run(name+" "+way, func(t *testing.T) {
				deaf, writer := h.pair(t, addr, nil, nil)
				if way == "to the server" {
					deaf, writer = writer, deaf
				}
				written := fill(t, writer, message)
				if err := inPieces(deaf, pings, 0); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(pings))
				if _, err := io.ReadFull(writer.from, got); err != nil || !bytes.Equal(got, pings) {
					t.Fatalf("pings arrived as % x, %v", clip(got), err)
				}
				if err := writer.CloseWrite(); err != nil {
					t.Fatal(err)
				}
				all := bytes.Repeat(message, written/len(message)+1)[:written]
				if s := deaf.hear(); !bytes.Equal(s.bytes, all) || s.end != "closed" {
					t.Errorf("%d bytes of %d arrived, and then it was %s", len(s.bytes), written, s.end)
				}
			})
		}
	}
}

// fill writes a message again and again until no more of it is taken, and
// returns how much was.
func fill(t *testing.T, to upgraded, message []byte) int {
	t.Helper()
	for written := 0; ; {
		if err := to.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := to.Write(message)
		written += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return written
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A side that breaks off within a frame is gone for the other one, which may
// learn of it as of an end.
func TestWebSocketBreaksOff(t *testing.T) {
	h, breaker := behind(t)
	half := append(head(fin|text, 1000), "half of it"...)
	for name, addr := range map[string]string{"directly": h.Addr().String(), "through a breaker": breaker} {
		for _, who := range []string{"the client", "the server"} {
			t.Run(name+" "+who, func(t *testing.T) {
				goes, stays := h.pair(t, addr, nil, nil)
				if who == "the server" {
					goes, stays = stays, goes
				}
				if err := inPieces(goes, half, 0); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(half))
				if _, err := io.ReadFull(stays.from, got); err != nil || !bytes.Equal(got, half) {
					t.Fatalf("it arrived as % x, %v", clip(got), err)
				}
				if err := errors.Join(goes.SetLinger(0), goes.Close()); err != nil {
					t.Fatal(err)
				}
				s := stays.hear()
				if t.Log(s.end); len(s.bytes) > 0 || s.end != "closed" && s.end != "reset" {
					t.Errorf("then there were %d bytes, and it was %s", len(s.bytes), s.end)
				}
			})
		}
	}
}
