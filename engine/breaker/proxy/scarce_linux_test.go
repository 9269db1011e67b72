package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/engine/breaker"
)

// What this process has too little of says nothing of the target, and is told.
func TestWithoutDescriptors(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	for name, ask := range map[string]string{
		"plain":  "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"a body": "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, up.URL, Policy{}, breaker.Config{Rule: breaker.Rule{Failures: 1}})
			told := make(chan error, 1)
			b.proxy.shortage.Tell = func(err error) { told <- err }
			c, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			in := bufio.NewReader(c)
			answer := func() int {
				t.Helper()
				if _, err := io.WriteString(c, ask); err != nil {
					t.Fatal(err)
				}
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, res.Body)
				if err != nil {
					t.Error(err)
				}
				return res.StatusCode
			}
			if got := answer(); got != http.StatusOK {
				t.Fatalf("at first: %d", got)
			}
			b.settled()
			var was unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
				t.Fatal(err)
			}
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: was.Max}); err != nil {
				t.Fatal(err)
			}
			got := answer()
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
				t.Fatal(err)
			}
			if got != http.StatusServiceUnavailable {
				t.Errorf("without descriptors: %d", got)
			}
			select {
			case err := <-told:
				if !errors.Is(err, unix.EMFILE) {
					t.Errorf("told of %v", err)
				}
			case <-time.After(time.Minute):
				t.Error("nobody hears of it")
			}
			if got := answer(); got != http.StatusOK {
				t.Errorf("afterwards: %d", got)
			}
			b.counted(2, 0, 1)
		})
	}
}
