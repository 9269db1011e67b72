package probe

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// answers is a check that answers each look with one of them, the last one
// again and again.
type answers struct{ list []error }

func (a *answers) look(context.Context, time.Duration) error {
	err := a.list[0]
	if len(a.list) > 1 {
		a.list = a.list[1:]
	}
	return err
}

// What a probe has seen can be asked while it waits.
func TestSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		refused := errors.New("connection refused")
		p := &Probe{
			cfg:  Config{Kind: spec.ProbeTCP, Interval: time.Second, Timeout: time.Second, Started: time.Now(), Deadline: 3 * time.Second},
			what: "connect to 127.0.0.1:1", check: &answers{[]error{refused, context.DeadlineExceeded, refused}},
		}
		wantError(t, p.Seen(), "connect to 127.0.0.1:1: no answer yet")
		var err error
		go func() { err = p.Ready(t.Context()); close(gate) }()
		synctest.Wait()
		wantError(t, p.Seen(), "connect to 127.0.0.1:1: connection refused (1 try)")
		time.Sleep(eagerFloor)
		synctest.Wait()
		wantError(t, p.Seen(), "connect to 127.0.0.1:1: no answer (2 tries)")
		<-gate
		wantError(t, err, "tries in 3s)")
	})
}
