package proxy

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/syndicate/syndicate/engine/breaker"
)

// trialGrace is how long a stream must have gone well to pass a trial: it may
// go on for hours.
const trialGrace = time.Second

// answerBody is what the upstream sends.
type answerBody struct {
	io.ReadCloser
	attempt *attempt
	res     *http.Response
	since   time.Time
	kept    *keeping // nil: not kept
}

func (b *answerBody) Read(into []byte) (int, error) {
	a := b.attempt
	late := a.call.overtime() // before it was the upstream's turn
	a.watch.set(&a.watch.waiting, true)
	n, err := b.ReadCloser.Read(into)
	a.watch.set(&a.watch.waiting, false)
	if b.kept != nil {
		b.kept.add(into[:n], err)
	}
	switch {
	case err == io.EOF:
		a.ended(b.res)
	case err == nil:
		if a.permit.Trial() && time.Since(b.since) >= trialGrace {
			a.permit.Success()
		}
	default:
		b.brokeOff(err, late)
	}
	return n, err
}

// brokeOff judges an answer that has no end. late is whether the call's time
// was over while nobody waited for the upstream.
func (b *answerBody) brokeOff(err error, late bool) {
	a := b.attempt
	c := a.call
	c.abort(b.res)
	evidence := breaker.Evidence{Status: strconv.Itoa(b.res.StatusCode)}
	switch {
	case c.in.Context().Err() != nil || late:
		a.permit.Neutral()
		return
	case c.overtime():
		evidence.Error = c.late().detail
	case a.watch.silent():
		evidence.Error = "silent for " + c.rules.IdleTimeout.String() + " within the answer"
	default:
		evidence.Error = "the answer broke off: " + c.proxy.cfg.Clean(unquoted(err))
	}
	a.permit.Failure(evidence)
}

// Close also says that nobody reads on: the client is gone, or the answer is
// replaced.
func (b *answerBody) Close() error {
	b.attempt.permit.Neutral()
	b.attempt.watch.stop()
	return b.ReadCloser.Close()
}
