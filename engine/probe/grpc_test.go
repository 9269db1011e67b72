package probe

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// grpcServer speaks HTTP/2 without TLS, as gRPC servers do.
func grpcServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestGRPC(t *testing.T) {
	answer := func(status string, frame ...byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if string(body) != "\x00\x00\x00\x00\x05\x0a\x03api" || r.URL.Path != "/grpc.health.v1.Health/Check" ||
				r.Header.Get("Content-Type") != "application/grpc" || r.Header.Get("Te") != "trailers" {
				w.WriteHeader(http.StatusTeapot)
				return
			}
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Trailer", "Grpc-Status")
			_, _ = w.Write(frame)
			w.Header().Set("Grpc-Status", status)
		}
	}
	tests := []struct {
		name  string
		serve http.HandlerFunc
		want  string
	}{
		{"serving", answer("0", 0, 0, 0, 0, 2, 8, 1), ""},
		{"with unknown fields", answer("0", 0, 0, 0, 0, 6, 0x12, 2, 'h', 'i', 8, 1), ""},
		{"not serving", answer("0", 0, 0, 0, 0, 2, 8, 2), "health is NOT_SERVING"},
		{"empty message", answer("0", 0, 0, 0, 0, 0), "health is UNKNOWN"},
		{"number nobody knows", answer("0", 0, 0, 0, 0, 2, 8, 9), "health is 9"},
		{"service unknown", answer("5"), `does not know the service "api"`},
		{"unimplemented", answer("12"), "no grpc.health.v1.Health service"},
		{"other error", answer("14"), "gRPC error 14"},
		{"torn frame", answer("0", 0, 0, 0, 0, 9, 8, 1), "no health status"},
		{"no frame", answer("0"), "no health status"},
		{"huge", answer("0", make([]byte, 1<<20)...), "no health status"},
		{"no gRPC", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }, "not gRPC"},
		{"not found", http.NotFound, "status 404"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantError(t, lookOnce(t, Config{Kind: spec.ProbeGRPC, Target: grpcServer(t, test.serve) + "/api"}), test.want)
		})
	}
	t.Run("HTTP/1 server", func(t *testing.T) {
		s := httptest.NewServer(http.NotFoundHandler())
		defer s.Close()
		wantError(t, lookOnce(t, Config{Kind: spec.ProbeGRPC, Target: strings.TrimPrefix(s.URL, "http://")}), "not gRPC")
	})
	t.Run("HTTP/1 server that reads nothing", func(t *testing.T) {
		for range 20 {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				conn, err := l.Accept()
				if err == nil {
					_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
					_ = conn.Close()
				}
			}()
			wantError(t, lookOnce(t, Config{Kind: spec.ProbeGRPC, Target: l.Addr().String()}), "not gRPC")
			_ = l.Close()
		}
	})
	t.Run("refused", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		_ = l.Close()
		wantError(t, lookOnce(t, Config{Kind: spec.ProbeGRPC, Target: addr}), "connection refused")
	})
}

// FuzzHealthAnswer holds that no answer makes the decoder panic, and that
// only a well-formed one is read.
func FuzzHealthAnswer(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 2, 8, 1})
	f.Add([]byte{0, 0, 0, 0, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add([]byte{0, 0, 0, 0, 12, 0x12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1})
	f.Fuzz(func(t *testing.T, frame []byte) {
		if _, err := healthAnswer(frame); err == nil && len(frame) < 5 {
			t.Errorf("%v was read", frame)
		}
	})
}
