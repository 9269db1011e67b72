package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// long is a body that does not arrive at once, so net/http serves and sends it.
var long = strings.Repeat("question ", 1000)

// ways are the ways that a call takes through the proxy: over its own client,
// without and with a body, over net/http's, and for a client of HTTP/2. Each is
// made once: over a connection that was kept a client may repeat it.
func (b *bench) ways() map[string]func(path string) result {
	b.client.Transport.(*http.Transport).DisableKeepAlives = true
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	b.Cleanup(h2.CloseIdleConnections)
	return map[string]func(string) result{
		"GET":  func(path string) result { return b.do("GET", path, "") },
		"POST": func(path string) result { return b.do("POST", path, "question") },
		"PUT":  func(path string) result { return b.do("PUT", path, long) },
		"HTTP/2": func(path string) result {
			req, _ := http.NewRequest("GET", b.url+path, nil)
			res, err := h2.RoundTrip(req)
			if err != nil {
				return result{err: err}
			}
			defer func() { _ = res.Body.Close() }()
			text, err := io.ReadAll(res.Body)
			return result{res.StatusCode, res.Header, string(text), err}
		},
	}
}

// Wherever an answer ends before its end, in order or not, no client takes
// what there is of it for all, and each time is a failure.
func TestAnswersEndAtEachByte(t *testing.T) {
	const body = "the answer"
	for name, whole := range map[string]string{
		"with a length": "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\n" + body,
		"chunked":       "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nthe \r\n6\r\nanswer\r\n0\r\nSum: 1\r\n\r\n",
	} {
		for _, end := range []string{"closed", "reset"} {
			t.Run(name+" "+end, func(t *testing.T) {
				url := rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					var n int
					_, _ = fmt.Sscanf(req.URL.Path, "/%d", &n)
					_, _ = io.WriteString(c, whole[:n])
					if end == "reset" {
						_ = c.(*net.TCPConn).SetLinger(0)
					}
				})
				b := newBench(t, url, Policy{}, breaker.Config{Rule: breaker.Rule{Failures: 1e6}})
				head := strings.Index(whole, "\r\n\r\n") + 4
				for way, ask := range b.ways() {
					before := b.settled()
					for n := range len(whole) {
						r := ask(fmt.Sprintf("/%d", n))
						switch {
						case r.err == nil && r.status == 502 && strings.Contains(r.body, `"reason":"failed"`) && (n < head || end == "reset"):
						case r.err != nil && n >= head && strings.HasPrefix(body, r.body): // it may be all, and is not known to be
						default:
							t.Errorf("%s: the first %d bytes became %+v", way, n, r)
						}
					}
					if r := ask(fmt.Sprintf("/%d", len(whole))); end == "closed" && (r.err != nil || r.status != 200 || r.body != body) {
						t.Errorf("%s: the whole answer became %+v", way, r)
					}
					after := b.settled()
					if failed := int(after.Failures - before.Failures); failed < len(whole) || end == "closed" && failed > len(whole) || after.Neutral != before.Neutral {
						t.Errorf("%s: %d failures and %d neutral of %d answers without an end; the last ones: %v", way, failed, after.Neutral-before.Neutral, len(whole), b.guard.Snapshot().Failures)
					}
				}
			})
		}
	}
}

// fault is what an upstream does to a request, whose body it has not read.
type fault struct {
	name string
	do   func(c net.Conn, r *bufio.Reader, req *http.Request)
	// status is what the client sees: 0, that the answer is not whole. A
	// whole one of the upstream's own is 200 and "mine".
	status int
	says   string // the evidence of a failure; empty: it is none
	resets bool   // which may overtake what was sent before
}

// say answers with a text, after the request.
func say(text string) func(net.Conn, *bufio.Reader, *http.Request) {
	return func(c net.Conn, _ *bufio.Reader, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		_, _ = io.WriteString(c, text)
	}
}

// trickle says one byte after another for as long as somebody listens.
func trickle(head, rest string) func(net.Conn, *bufio.Reader, *http.Request) {
	return func(c net.Conn, _ *bufio.Reader, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		_, err := io.WriteString(c, head)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := 0; err == nil; i++ {
			<-tick.C
			_, err = io.WriteString(c, rest[i%len(rest):][:1])
		}
	}
}

func lasting(c net.Conn, r *bufio.Reader, say string) {
	_, _ = io.WriteString(c, say)
	_, _ = io.Copy(io.Discard, r) // until the proxy gives up
}

var faults = []fault{
	{"none", say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine"), 200, "", false},
	{"latency within the timeout", func(c net.Conn, r *bufio.Reader, req *http.Request) {
		<-time.After(20 * time.Millisecond)
		say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")(c, r, req)
	}, 200, "", false},
	{"HTTP/1.0, to its end", say("HTTP/1.0 200 OK\r\n\r\nmine"), 200, "", false},
	{"HTTP/1.0, reset", func(c net.Conn, r *bufio.Reader, req *http.Request) {
		say("HTTP/1.0 200 OK\r\n\r\nmi")(c, r, req)
		_ = c.(*net.TCPConn).SetLinger(0)
	}, 0, "", true},
	{"an answer before the request was read", func(c net.Conn, r *bufio.Reader, _ *http.Request) {
		lasting(c, r, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmine")
	}, 200, "", false},
	{"a few announcements", say(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", 3) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine"), 200, "", false},
	{"100 Continue unasked", say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine"), 200, "", false},
	{"more than it says", say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine and yours"), 200, "", false},
	{"a body with 204", say("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nother"), 204, "", false},
	{"the same length twice", say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nmine"), 200, "", false},

	{"silence", func(c net.Conn, r *bufio.Reader, _ *http.Request) { lasting(c, r, "") }, 504, "no answer within", false},
	{"half a head, and silence", func(c net.Conn, r *bufio.Reader, _ *http.Request) { lasting(c, r, "HTTP/1.1 200 OK\r\nConte") }, 504, "no answer within", false},
	{"a head that trickles", trickle("HTTP/1.1 200 OK\r\nX: ", "x"), 504, "no answer within", false},
	{"silence in the body", func(c net.Conn, r *bufio.Reader, _ *http.Request) {
		lasting(c, r, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nm")
	}, 0, "silent for", false},
	{"silence instead of the last chunk", func(c net.Conn, r *bufio.Reader, _ *http.Request) {
		lasting(c, r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmine\r\n")
	}, 0, "silent for", false},
	{"a trailer that trickles", trickle("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmine\r\n0\r\nX: ", "x"), 0, "silent for", false},
	{"less than it says", say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nmine"), 0, "broke off", false},
	{"two lengths", say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nmine!"), 502, "Content-Length", false},
	{"a length that is none", say("HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\nmine"), 502, "Content-Length", false},
	{"a length below zero", say("HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nmine"), 502, "Content-Length", false},
	{"a chunk of nonsense", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nmine\r\n0\r\n\r\n"), 0, "broke off", false},
	{"a chunk longer than it says", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nmine\r\n0\r\n\r\n"), 0, "broke off", false},
	{"a chunk of 2^64 bytes", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nmine\r\n0\r\n\r\n"), 0, "broke off", false},
	{"a coding nobody knows", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nmine\r\n0\r\n\r\n"), 502, "transfer encoding", false},
	{"no HTTP", say("SSH-2.0-OpenSSH_9.2\r\n\r\n"), 502, "malformed HTTP", false},
	{"a status that is none", say("HTTP/1.1 2000 OK\r\n\r\n"), 502, "malformed HTTP", false},
	{"a header without a colon", say("HTTP/1.1 200 OK\r\nX\r\n\r\n"), 502, "malformed MIME header", false},
	{"a head without an end", func(c net.Conn, _ *bufio.Reader, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		line := "X: " + strings.Repeat("x", 64<<10) + "\r\n"
		for err == nil {
			_, err = io.WriteString(c, line)
		}
	}, 502, "1048576 bytes", false},
	{"a flood of announcements", func(c net.Conn, _ *bufio.Reader, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		for err := error(nil); err == nil; {
			_, err = io.WriteString(c, "HTTP/1.1 102 Processing\r\n\r\n")
		}
	}, 502, "more than 1000 answers", false},
	{"another protocol, unasked", say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nyours"), 502, "another protocol", false},
	{"closed at once", func(net.Conn, *bufio.Reader, *http.Request) {}, 502, "ended before an answer", false},
	{"reset at once", func(c net.Conn, _ *bufio.Reader, _ *http.Request) { _ = c.(*net.TCPConn).SetLinger(0) }, 502, "ended before an answer", false},
}

// Whatever an upstream does, a client sees a whole answer, that it is not
// whole, or an error, and no later than it should; and the guard counts it.
func TestFaultyUpstreams(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			url := rawUpstream(t, func(c net.Conn, r *bufio.Reader) {
				if req, err := http.ReadRequest(r); err == nil {
					f.do(c, r, req)
				}
			})
			policy := Policy{Rules: Rules{Timeout: 10 * time.Second}}
			if strings.Contains(f.says, "no answer") || strings.Contains(f.says, "silent") {
				policy = Policy{Rules: Rules{Timeout: 300 * time.Millisecond, IdleTimeout: 100 * time.Millisecond}}
			}
			cfg := breaker.Config{Rule: breaker.Rule{Failures: 1e6}}
			f.through(newBench(t, url, policy, cfg), false)
			if f.status > 500 {
				policy.Fallbacks = []Fallback{{Status: 418, Body: "instead"}}
				f.through(newBench(t, url, policy, cfg), true)
			}
		})
	}
}

// through has a call meet the fault in each way.
func (f *fault) through(b *bench, fallback bool) {
	for way, ask := range b.ways() {
		before := b.settled()
		r := ask("/")
		switch {
		case f.status == 0 && r.err != nil && strings.HasPrefix("mine", r.body):
		case f.status == 0 && f.resets && r.err == nil && r.status == 502: // the reset was faster than the head
		case f.status == 200 && r.err == nil && r.status == 200 && r.body == "mine":
		case f.status > 500 && fallback && r.err == nil && r.status == 418 && r.body == "instead":
		case f.status > 500 && !fallback && r.err == nil && r.status == f.status && strings.Contains(r.body, `"breaker":"demo"`) && !strings.Contains(r.body, "mine"):
		case f.status == 204 && r.err == nil && r.status == 204 && r.body == "":
		default:
			b.Errorf("%s is answered %+v", way, r)
		}
		after := b.settled()
		switch evidence := b.guard.Snapshot().Failures; {
		case after.Neutral != before.Neutral:
			b.Errorf("%s: nobody counted it", way)
		case f.says == "" && f.status != 0 && after.Successes != before.Successes+1:
			b.Errorf("%s: no success: %v", way, evidence)
		case strings.Contains(fmt.Sprint(evidence), "OpenSSH"):
			b.Errorf("%s: what the upstream sent is in %v", way, evidence)
		case f.says != "" && (after.Failures != before.Failures+1 || !strings.Contains(evidence[len(evidence)-1].String(), f.says)):
			b.Errorf("%s: no failure with %q: %v", way, f.says, evidence)
		}
		b.proxy.Close() // the next way has a connection of its own
	}
}

// A target whose kernel answers nothing is waited for no longer than it may
// take to connect.
func TestBlackHole(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
	for refused := 0; refused < 3; refused++ { // until its queue is full, and not this machine slow
		if c, err := net.DialTimeout("tcp", addr, 200*time.Millisecond); err == nil {
			defer func() { _ = c.Close() }()
			refused = -1
		}
	}
	b := newBench(t, "http://"+addr, Policy{ConnectTimeout: 50 * time.Millisecond}, breaker.Config{Rule: breaker.Rule{Failures: 1e6}})
	ways := b.ways()
	for way, ask := range ways {
		if r := ask("/"); r.err != nil || r.status != 502 || !strings.Contains(r.body, "i/o timeout") {
			t.Errorf("%s is answered %+v", way, r)
		}
	}
	b.counted(0, uint64(len(ways)), 0)
}
