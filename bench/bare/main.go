// Command bare is what a Go program costs that does no more than it must: a
// reverse proxy of the standard library, a server that refuses everything, or
// one that answers with what a file holds. The benchmark runs it beside a
// breaker, and beside the engine.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "refuse" {
		return http.ListenAndServe(args[1], http.HandlerFunc(refuse))
	}
	if len(args) == 3 && args[0] == "answer" {
		return answer(args[1], args[2])
	}
	if len(args) != 3 || args[0] != "http" && args[0] != "tcp" {
		return fmt.Errorf("usage: bare http LISTEN URL | bare tcp LISTEN ADDRESS | bare refuse LISTEN | bare answer SOCKET FILE")
	}
	if args[0] == "tcp" {
		return forward(args[1], args[2])
	}
	target, err := url.Parse(args[2])
	if err != nil {
		return err
	}
	return http.ListenAndServe(args[1], &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		Transport:  &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256},
		BufferPool: &buffers{},
	})
}

func refuse(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "30")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `{"type":"about:blank","title":"Service Unavailable","status":503}`)
}

// answer serves a file over a Unix socket, with the bounds of an engine.
func answer(socket, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	s := &http.Server{
		ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 30 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(text)))
			_, _ = w.Write(text)
		}),
	}
	return s.Serve(l)
}

// forward copies connections both ways.
func forward(listen, target string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	for {
		in, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer in.Close()
			out, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			defer out.Close()
			go func() {
				_, _ = io.Copy(out, in)
				_ = out.(*net.TCPConn).CloseWrite()
			}()
			_, _ = io.Copy(in, out)
		}()
	}
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
