package engine

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
)

// stale returns what differs between the list that who asks is given and how
// the units are. In between nothing can happen: the loop is asked for both.
func stale(c *core) (difference string) {
	c.ask(func() {
		seen := c.look().units
		if now, _ := c.unitStatus(); !reflect.DeepEqual(seen, now) {
			difference = fmt.Sprintf("the units are told as\n%+v\nand are\n%+v", seen, now)
		}
	})
	return difference
}

// teller is a service's work that says of itself what it was told to.
type teller struct {
	says   string
	moving bool
}

func (w *teller) run(ctx context.Context, a *attempt) Outcome {
	a.ready()
	<-ctx.Done()
	return Outcome{Clean: true}
}

func (w *teller) describe(s *UnitStatus) bool {
	s.Seen = w.says
	return w.moving
}

// Who asks often is given the same list until something has happened, or work
// has something else to say of itself.
func TestTheListOfUnitsIsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		still, moving := &teller{says: "still"}, &teller{says: "first", moving: true}
		work := []*teller{still}
		var c *core
		start := func() {
			var members []*member
			for i, w := range work {
				members = append(members, &member{policy: policy{id: fmt.Sprintf("service.%d", i)}, kind: "service", work: w})
			}
			c = newCore(members, watcher{})
			go c.run(t.Context())
			synctest.Wait()
		}
		end := func() {
			c.stop("the end")
			<-c.done
		}
		units := func() []UnitStatus { return c.snapshot().units }

		start()
		first := units()
		if first[0].State != Ready || first[0].Seen != "still" {
			t.Errorf("got %+v", first)
		}
		if again := units(); &again[0] != &first[0] {
			t.Error("nothing has happened, and another list is made")
		}
		end()
		if last := units(); last[0].State != Stopped || first[0].State != Ready {
			t.Errorf("after the end %+v, and before %+v", last, first)
		}

		work = append(work, moving)
		start()
		first = units()
		c.ask(func() { moving.says = "second" })
		second := units()
		if first[1].Seen != "first" || second[1].Seen != "second" {
			t.Errorf("first %+v, then %+v", first[1], second[1])
		}
		end()
	})
}
