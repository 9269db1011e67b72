package proxy

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// refusal is the answer to a call that an open breaker refuses and no
// fallback takes. It is made once for each second that it tells to wait, so
// that refusing many calls costs next to nothing beyond net/http.
type refusal struct {
	open   *breaker.OpenError
	after  time.Duration
	status int
	header http.Header // everybody's: not to be changed
	body   []byte
}

// refusal returns the answer to a call that is not gRPC.
func (p *HTTP) refusal(r *http.Request, open *breaker.OpenError) *refusal {
	after := open.RetryAfter(time.Now())
	if made := p.refused.Load(); made != nil && made.open == open && made.after == after {
		return made
	}
	a := p.problem(r, opened(open))
	body, err := io.ReadAll(a.body)
	if err != nil {
		panic(err) // it is bytes
	}
	a.header.Set("Content-Length", strconv.Itoa(len(body)))
	made := &refusal{open, after, a.status, a.header, body}
	p.refused.Store(made)
	return made
}

func (a *refusal) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // a client that is gone needs no answer
	}
}
