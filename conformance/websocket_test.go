package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/syndicate/syndicate/engine/breaker/proxy"
)

// echo answers each message with itself, in as many frames as it likes.
func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"echo"}, CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(-1)
	for {
		kind, from, err := c.Reader(r.Context())
		if err != nil {
			return
		}
		to, err := c.Writer(r.Context(), kind)
		if err != nil {
			return
		}
		if _, err := io.Copy(to, from); err != nil {
			return
		}
		if err := to.Close(); err != nil {
			return
		}
	}
}

// A client gets back through a breaker what it sent, in both kinds of
// messages, of all sizes around those that frames have, compressed or not.
func TestWebSocketEcho(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(echo))
	defer up.Close()
	addr, guard := through(t, up.URL, proxy.Policy{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, mode := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionContextTakeover, websocket.CompressionNoContextTakeover} {
		c, res, err := websocket.Dial(ctx, "ws://"+addr+"/echo", &websocket.DialOptions{Subprotocols: []string{"echo"}, CompressionMode: mode})
		if err != nil {
			t.Fatal(err)
		}
		if c.Subprotocol() != "echo" || res.Header.Get("X-Syndicate-Breaker") == "" {
			t.Errorf("negotiated %q, %v", c.Subprotocol(), res.Header)
		}
		c.SetReadLimit(-1)
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			for _, size := range []int{0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 4 << 20} {
				message := make([]byte, size)
				for i := range message {
					message[i] = 'a' + byte(rand.IntN(26))
				}
				sent := make(chan error, 1)
				go func() { sent <- c.Write(ctx, kind, message) }()
				got, text, err := c.Read(ctx)
				if err != nil || got != kind || !bytes.Equal(text, message) {
					t.Fatalf("a message of %d bytes came back as %d, %v", size, len(text), err)
				}
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
			}
		}
		reading := c.CloseRead(ctx)
		if err := c.Ping(ctx); err != nil {
			t.Errorf("ping: %v", err)
		}
		if err := c.Close(websocket.StatusNormalClosure, "done"); err != nil {
			t.Errorf("close: %v", err)
		}
		<-reading.Done()
	}
	if n := guard.Snapshot().Numbers; n.Successes != 3 || n.Failures != 0 {
		t.Errorf("the guard counted %+v", n)
	}
}

// Why a connection is closed reaches the other side, and that it broke off.
func TestWebSocketEnds(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		if r.URL.Path == "/abort" {
			_ = c.CloseNow()
			return
		}
		_ = c.Close(websocket.StatusTryAgainLater, "not today")
	}))
	defer up.Close()
	addr, _ := through(t, up.URL, proxy.Policy{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, path := range []string{"/", "/abort"} {
		c, _, err := websocket.Dial(ctx, "ws://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.Read(ctx)
		if closed, ok := errors.AsType[websocket.CloseError](err); path == "/" && (!ok || closed.Code != websocket.StatusTryAgainLater || closed.Reason != "not today") {
			t.Errorf("closed with %v", err)
		} else if path == "/abort" && (ok || err == nil) {
			t.Errorf("aborted with %v", err)
		}
		_ = c.CloseNow()
	}
}

// Many connections at once, each with its own messages both ways.
func TestWebSocketsAtOnce(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(echo))
	defer up.Close()
	addr, _ := through(t, up.URL, proxy.Policy{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for n := range 32 {
		all.Go(func() {
			c, _, err := websocket.Dial(ctx, "ws://"+addr, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.CloseNow() }()
			const messages = 100
			go func() {
				for i := range messages {
					_ = c.Write(ctx, websocket.MessageText, []byte(fmt.Sprintf("%d %d", n, i)))
				}
			}()
			for i := range messages {
				if _, text, err := c.Read(ctx); string(text) != fmt.Sprintf("%d %d", n, i) || err != nil {
					t.Errorf("got %q, %v", text, err)
					return
				}
			}
		})
	}
	all.Wait()
}
