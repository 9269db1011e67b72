package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
)

// A pool of connections that are kept open, however large, keeps nobody out.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	for _, path := range []string{api.PathHealthz, api.PathStatus} {
		t.Run(path, func(t *testing.T) { idleMakeRoom(t, path) })
	}
}

func idleMakeRoom(t *testing.T, path string) {
	dir := t.TempDir()
	serve(t, dir, newFake())
	var first net.Conn
	for n := range 3 * maxConns {
		conn, err := api.Dial(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if n == 0 {
			first = conn
		}
		if got := say(t, conn, path); got != http.StatusOK {
			t.Fatalf("connection %d: %d", n, got)
		}
	}
	if _, err := client.New(dir).Status(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := first.Read(make([]byte, 1)); err == nil {
		t.Error("the first one, which was idle longest, is still open")
	}
}

// health and say ask over a connection and keep it open.
func health(t *testing.T, conn net.Conn) int {
	t.Helper()
	return say(t, conn, api.PathHealthz)
}

func say(t *testing.T, conn net.Conn, path string) int {
	t.Helper()
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: syndicate\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// A socket that somebody removed is made anew; who is connected stays so.
func TestARemovedSocketIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, newFake())
	conn, err := api.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	health(t, conn)
	for range 2 {
		if err := os.Remove(filepath.Join(dir, api.SocketName)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time there is nothing to do
			if err := s.Reopen(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := client.New(dir).Status(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := health(t, conn); got != http.StatusOK {
		t.Errorf("on the connection of before: %d", got)
	}
}
