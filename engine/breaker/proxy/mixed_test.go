package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// misbehave answers requests on a connection, each in the way that its path
// names, with a body that only that request may get.
func misbehave(c net.Conn, r *bufio.Reader) {
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		fault, id, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
		body := bodyOf(id)
		whole := "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
		switch fault {
		case "well":
			_, _ = io.WriteString(c, whole)
		case "chunked":
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		case "more": // than it said: another answer, which nobody asked for
			_, _ = io.WriteString(c, whole+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
		case "more-chunked":
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", len(body), body)
		case "more-none":
			_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
		case "less":
			_, _ = io.WriteString(c, whole[:len(whole)-5])
			return
		case "reset":
			_, _ = io.WriteString(c, whole[:len(whole)-5])
			_ = c.(*net.TCPConn).SetLinger(0)
			return
		case "two-lengths":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello")
			return
		case "trickle":
			for i := range whole {
				_, _ = io.WriteString(c, whole[i:i+1])
			}
		case "fail":
			_, _ = io.WriteString(c, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
		case "close":
			return
		}
	}
}

func bodyOf(id string) string { return strings.Repeat(id+"|", 40) }

// Whatever upstreams do wrong, on connections that serve many: each client
// gets its own answer, whole, or learns that there is none or that it is not
// whole.
func TestNothingIsMixedUp(t *testing.T) {
	policy := retrying(2, nil)
	policy.Timeout = 10 * time.Second
	b := beforeMisbehaviour(t, policy)
	faults := []string{"well", "more", "well", "less", "chunked", "more-none", "reset", "well", "two-lengths", "more-chunked", "trickle", "fail", "well", "close"}
	var clients sync.WaitGroup
	for n := range 8 {
		clients.Go(func() {
			for i := range 70 {
				fault, id := faults[(i*5+n)%len(faults)], fmt.Sprintf("%d-%d", n, i)
				method, body := "GET", ""
				switch i / len(faults) % 4 {
				case 1:
					method, body = "POST", "question"
				case 3: // over the other client
					method, body = "POST", long
				}
				r := b.do(method, "/"+fault+"/"+id, body)
				mine := bodyOf(id)
				switch {
				case r.err != nil && strings.HasPrefix(mine, r.body):
				case r.err == nil && r.status == 200 && r.body == mine:
				case r.err == nil && r.status == 204 && fault == "more-none" && r.body == "":
				case r.err == nil && r.status >= 500 && !strings.Contains(r.body, "|"):
				default:
					t.Errorf("%s %s %s is answered %d %q, %v", method, fault, id, r.status, r.body, r.err)
				}
			}
		})
	}
	clients.Wait()
}

// beforeMisbehaviour puts a proxy before an upstream that misbehaves.
func beforeMisbehaviour(t *testing.T, policy Policy) *bench {
	t.Helper()
	b := newBench(t, rawUpstream(t, misbehave), policy, breaker.Config{Rule: breaker.Rule{Failures: 1e6}})
	t.Cleanup(func() {
		b.settled()
		b.proxy.Close() // what it keeps open to the upstream, too
	})
	return b
}

// What an upstream says too much is no answer to the next call, however soon
// that comes.
func TestNothingIsLeftOver(t *testing.T) {
	b := beforeMisbehaviour(t, Policy{})
	var clients sync.WaitGroup
	for n := range 32 {
		clients.Go(func() {
			for i := range 50 {
				id := fmt.Sprintf("%d-%d", n, i)
				if r := b.do("GET", "/more/"+id, ""); r.status != 200 || r.body != bodyOf(id) {
					t.Errorf("%s is answered %d %q, %v", id, r.status, r.body, r.err)
				}
			}
		})
	}
	clients.Wait()
}
