package front

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// speak answers in the way that a path names.
func speak(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	flush := func() { _ = http.NewResponseController(w).Flush() }
	body, _ := io.ReadAll(r.Body)
	text := fmt.Sprintf("%s %s %s %v %q", r.Method, r.RequestURI, r.Host, r.Header, body)
	switch r.URL.Path {
	case "/length":
		h.Set("Content-Length", fmt.Sprint(len(text)))
		h.Set("Content-Type", "text/x-own")
		_, _ = io.WriteString(w, text)
	case "/unsaid":
		_, _ = io.WriteString(w, "<html>"+text)
	case "/encoded":
		h.Set("Content-Encoding", "br")
		_, _ = io.WriteString(w, text)
	case "/nothing":
	case "/flushed":
		for range 3 {
			_, _ = io.WriteString(w, text)
			flush()
		}
	case "/long":
		h.Set("Content-Length", "300000")
		for range 30 {
			_, _ = w.Write(bytes.Repeat([]byte("0123456789"), 1000))
		}
	case "/long-unsaid":
		for n := range 30 {
			_, _ = w.Write(bytes.Repeat([]byte("0123456789"), n*20))
		}
	case "/trailers":
		h.Set("Trailer", "Sum, Other")
		_, _ = io.WriteString(w, text)
		h.Set("Sum", "1")
		h["Other"] = []string{"2", "3"}
		h.Set(http.TrailerPrefix+"Late", "4")
	case "/trailers-only":
		h.Set("Trailer", "Sum")
		w.WriteHeader(http.StatusAccepted)
		h.Set("Sum", "1")
	case "/late":
		_, _ = io.WriteString(w, text)
		flush()
		h.Set(http.TrailerPrefix+"Late", "4")
	case "/early":
		h.Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		h.Set("Link", "</b.css>")
		w.WriteHeader(http.StatusProcessing)
		h.Del("Link")
		_, _ = io.WriteString(w, text)
	case "/204", "/304", "/404", "/299":
		h.Set("Content-Length", "4")
		h.Set("Content-Type", "text/plain")
		h.Set("Etag", `"1"`)
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.WriteHeader(status)
		w.WriteHeader(500) // too late
		_, _ = io.WriteString(w, "four")
	case "/short":
		h.Set("Content-Length", "10")
		_, _ = io.WriteString(w, "short")
	case "/more":
		h.Set("Content-Length", "4")
		_, _ = io.WriteString(w, "four")
		if _, err := io.WriteString(w, "five"); err != http.ErrContentLength && r.Method != http.MethodHead {
			panic(err)
		}
	case "/close":
		h.Set("Connection", "close")
		_, _ = io.WriteString(w, text)
	case "/lines":
		h["X-Lines"] = []string{"a\r\nX-Smuggled: b", " c "}
		h["X Bad"] = []string{"d"}
		h.Set("Date", "today")
		_, _ = io.WriteString(w, text)
	case "/abort":
		_, _ = io.WriteString(w, text)
		flush()
		panic(http.ErrAbortHandler)
	case "/panic":
		panic("a mistake")
	default:
		h.Set("Content-Length", "2")
		_, _ = io.WriteString(w, "ok")
	}
}

var paths = []string{
	"/", "/length", "/unsaid", "/encoded", "/nothing", "/flushed", "/long", "/long-unsaid", "/trailers", "/trailers-only", "/late", "/early", "/204", "/304", "/404", "/299", "/lines",
	"/more", "/short", "/close", "/abort", "/panic", // which end the connection
}

// pair are two servers of one handler: net/http's, and one with a front.
type pair struct {
	theirs, own string
}

func newPair(t testing.TB, handler http.HandlerFunc) *pair {
	t.Helper()
	quiet := log.New(io.Discard, "", 0)
	p := &pair{}
	l := listen(t)
	p.theirs = l.Addr().String()
	theirs := &http.Server{Handler: handler, ErrorLog: quiet}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = theirs.Serve(l)
	}()
	t.Cleanup(func() {
		_ = theirs.Close()
		<-served
	})
	p.own, _ = serve(t, &http.Server{Handler: handler, ErrorLog: quiet})
	return p
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve has a server with a front serve until the test ends.
func serve(t testing.TB, h *http.Server) (address string, s *Server) {
	t.Helper()
	l := listen(t)
	s = New(h, l)
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("serving ended with %v", err)
		}
	})
	return l.Addr().String(), s
}

// said is what came back on a connection: answers, and how it ended.
type said struct {
	answers []string
	end     string
}

// ask sends bytes to a server, and reads what it says to them until it closes
// the connection, or nothing more comes.
func ask(t testing.TB, address string, text []byte, patience time.Duration) said {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() { _, _ = c.Write(text) })
	var s said
	r := bufio.NewReader(c)
	for {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			s.end = "nothing more"
			if e, ok := err.(net.Error); ok && e.Timeout() {
				s.end = "waiting"
			}
			return s
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			body = nil // how much of it came is chance
		}
		res.Header.Del("Date")
		s.answers = append(s.answers, fmt.Sprintf("%d %v close=%t length=%d %q %v %v", res.StatusCode, res.Header, res.Close, len(body), body, res.Trailer, err != nil))
	}
}

// compare sends bytes to both servers.
func (p *pair) compare(t testing.TB, text []byte, patience time.Duration) said {
	t.Helper()
	theirs, own := ask(t, p.theirs, text, patience), ask(t, p.own, text, patience)
	if !reflect.DeepEqual(theirs, own) { // maybe not within that time
		theirs, own = ask(t, p.theirs, text, 5*time.Second), ask(t, p.own, text, 5*time.Second)
	}
	if !reflect.DeepEqual(theirs, own) {
		t.Errorf("%.2000q is answered\n%.2000q, where net/http answers\n%.2000q", text, own, theirs)
	}
	return own
}

const lastRequest = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// A client cannot tell by any answer who has served it.
func TestAnswersAreNetHTTPs(t *testing.T) {
	p := newPair(t, speak)
	for _, path := range paths {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			text := method + " " + path + " HTTP/1.1\r\nHost: x\r\nX-Two: a\r\nX-Two: b\r\n\r\n"
			if method == "POST" {
				text = strings.Replace(text, "\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nhello", 1)
			}
			s := p.compare(t, []byte(text+text+lastRequest), 20*time.Second)
			if ends := slices.Contains([]string{"/more", "/short", "/close", "/abort", "/panic"}, path); !ends && len(s.answers) < 3 {
				t.Errorf("%s %s: %q", method, path, s)
			}
		}
	}
	for _, text := range append(slices.Clone(plain), special...) {
		p.compare(t, []byte(text+lastRequest), 100*time.Millisecond)
	}
	head := "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "
	for _, length := range []int{4096 - len(head) - 4, 4096, 100_000, 2 << 20} { // the last one is too long
		p.compare(t, []byte(head+strings.Repeat("x", length)+"\r\n\r\n"+lastRequest), 20*time.Second)
	}
	p.compare(t, []byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi\r\n"+lastRequest), 20*time.Second)
}

// The answer to HEAD says what that to GET would, without the body.
func TestHead(t *testing.T) {
	p := newPair(t, speak)
	for _, path := range paths {
		text := "HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"
		head := func(address string) string {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			_, _ = io.WriteString(c, text+lastRequest)
			all, err := io.ReadAll(c)
			if err != nil {
				t.Error(path, err)
			}
			var lines []string
			for line := range strings.Lines(string(all)) {
				if !strings.HasPrefix(line, "Date:") && !strings.HasPrefix(line, "Content-Type: text/") { // of a body that nobody gets
					lines = append(lines, line)
				}
			}
			slices.Sort(lines)
			return strings.Join(lines, "")
		}
		own, theirs := head(p.own), head(p.theirs)
		switch path {
		case "/unsaid", "/encoded", "/late", "/flushed", "/trailers", "/long-unsaid", "/early", "/lines", "/close", "/abort":
			// net/http has measured a body that was not sent, or says that there would be chunks.
			own, theirs = own[:12], theirs[:12]
		}
		if own != theirs {
			t.Errorf("HEAD %s is answered %q, where net/http answers %q", path, own, theirs)
		}
	}
}

// FuzzServed sends any bytes to both servers.
func FuzzServed(f *testing.F) {
	for _, path := range paths {
		f.Add([]byte("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"))
	}
	for _, text := range plain {
		f.Add([]byte(text))
	}
	for _, text := range special {
		f.Add([]byte(text))
	}
	p := newPair(f, speak)
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(text, []byte("HEAD")) { // the answers are read as to GET
			return
		}
		p.compare(t, append(bytes.Clone(text), lastRequest...), 100*time.Millisecond)
	})
}

// What is not plain is net/http's, with all that was sent of it, however it
// came.
func TestHandedOn(t *testing.T) {
	p := newPair(t, speak)
	for name, pieces := range map[string][]string{
		"in two":              {"GET /length HT", "TP/1.1\r\nHost: x\r\n\r\n", lastRequest},
		"after plain ones":    {getLine + "Host: x\r\n\r\n" + getLine, "Host: x\r\n\r\n", lastRequest},
		"in chunks":           {"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", "llo\r\n0\r\n\r\n", lastRequest},
		"a body that follows": {"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", "hello", lastRequest},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", p.own)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			for _, piece := range pieces {
				_, _ = io.WriteString(c, piece)
			}
			all, err := io.ReadAll(c)
			if want := p.compare(t, []byte(strings.Join(pieces, "")), 20*time.Second); err != nil || strings.Count(string(all), "HTTP/1.1 200 OK") != len(want.answers) {
				t.Errorf("answered %q, %v, want %q", all, err, want)
			}
		})
	}
}

// waiting is a handler that waits for the end of the request's context, or
// for a word.
type waiting struct {
	arrived chan string
	goOn    chan struct{}
	ended   chan error
}

func (w *waiting) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	w.arrived <- r.URL.Path
	select {
	case <-r.Context().Done():
		w.ended <- r.Context().Err()
	case <-w.goOn:
		w.ended <- nil
	}
}

// A call ends with its client, however that goes.
func TestClientsGo(t *testing.T) {
	w := &waiting{make(chan string), make(chan struct{}), make(chan error)}
	address, _ := serve(t, &http.Server{Handler: w})
	request := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }
	for name, leave := range map[string]func(c *net.TCPConn){
		"closed":      func(c *net.TCPConn) { _ = c.Close() },
		"half closed": func(c *net.TCPConn) { _ = c.CloseWrite() },
		"reset": func(c *net.TCPConn) {
			_ = c.SetLinger(0)
			_ = c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			c := conn.(*net.TCPConn)
			defer func() { _ = c.Close() }()
			_, _ = io.WriteString(c, request("/1")+request("/2"))
			for _, path := range []string{"/1", "/2"} {
				if got := <-w.arrived; got != path {
					t.Errorf("%s arrived, want %s", got, path)
				}
				if path == "/1" {
					w.goOn <- struct{}{}
				} else {
					leave(c)
				}
				if err := <-w.ended; (err == nil) != (path == "/1") {
					t.Errorf("%s ended with %v", path, err)
				}
			}
		})
	}
	t.Run("behind another request", func(t *testing.T) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		c := conn.(*net.TCPConn)
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, request("/1"))
		<-w.arrived
		_, _ = io.WriteString(c, request("/2"))
		_ = c.CloseWrite()
		w.goOn <- struct{}{} // the client is not gone as long as it has asked more
		if err := <-w.ended; err != nil {
			t.Errorf("the first one ended with %v", err)
		}
		if got := <-w.arrived; got != "/2" {
			t.Errorf("%s arrived", got)
		}
		if err := <-w.ended; err != context.Canceled {
			t.Errorf("the second one ended with %v", err)
		}
	})
}

// A server that closes lets calls end, and nobody else wait.
func TestShutdown(t *testing.T) {
	w := &waiting{make(chan string), make(chan struct{}), make(chan error, 2)}
	states := make(chan http.ConnState, 100)
	address, s := serve(t, &http.Server{Handler: w, ConnState: func(_ net.Conn, to http.ConnState) { states <- to }})
	dial := func() (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		return c, bufio.NewReader(c)
	}
	const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	answered := func(r *bufio.Reader, closes bool) {
		t.Helper()
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != 200 || res.Close != closes {
			t.Errorf("answered %+v, %v", res, err)
		}
		if closes {
			if _, err := r.Peek(1); err != io.EOF {
				t.Errorf("afterwards: %v", err)
			}
		}
	}
	idle, idleReader := dial()
	_, _ = io.WriteString(idle, request)
	<-w.arrived
	w.goOn <- struct{}{}
	answered(idleReader, false)
	for to := range states {
		if to == http.StateIdle {
			break
		}
	}
	busy, busyReader := dial()
	_, _ = io.WriteString(busy, request)
	<-w.arrived
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(t.Context()) }()
	if _, err := idleReader.Peek(1); err != io.EOF {
		t.Errorf("the idle connection ended with %v", err)
	}
	if c, err := net.Dial("tcp", address); err == nil {
		_ = c.Close()
		t.Error("somebody listens")
	}
	select {
	case err := <-down:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	w.goOn <- struct{}{}
	answered(busyReader, true)
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// Who says nothing is not waited for.
func TestSilentClients(t *testing.T) {
	address, _ := serve(t, &http.Server{Handler: http.HandlerFunc(speak), ReadHeaderTimeout: 10 * time.Millisecond})
	for _, text := range []string{"", "GET / HT"} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(c, text)
		if said, err := io.ReadAll(c); err != nil || text == "" && len(said) > 0 {
			t.Errorf("%q is answered %q, %v", text, said, err)
		}
		_ = c.Close()
	}
}
