package engine

import (
	"slices"
	"testing"
)

func follows(id string, needs ...need) policy {
	p := service(id, needs...)
	p.restartWithNeeds = true
	return p
}

// What follows is not ended for a start that something else keeps waiting.
func TestWhatFollowsEndsOnceItCanStartAgain(t *testing.T) {
	b := newBench(t, service("service.db"), service("service.cache"), follows("service.api", on(0), on(1)), service("service.web", on(2)))
	for i := range 4 {
		b.ready(i)
	}
	b.crash(0)
	b.crash(1)
	b.ready(0)
	b.expect("ready starting ready ready")
	if got := b.m.waitingFor(b.m.units[2]); !slices.Equal(got, []string{"service.cache ready"}) {
		t.Errorf("api waits for %q", got)
	}
	b.crash(3)
	b.expect("ready starting ready pending")
	if got := b.m.waitingFor(b.m.units[3]); !slices.Equal(got, []string{"service.api restarted"}) {
		t.Errorf("web waits for %q", got)
	}
	b.ready(1)
	b.expect("ready ready stopping pending")
	b.stopped(2)
	b.expect("ready ready starting pending")
	b.ready(2)
	b.expect("ready ready ready starting")
}

// And not at all where that will never be there.
func TestWhatCannotStartAgainDoesNotFollow(t *testing.T) {
	cache := service("service.cache")
	cache.restart.Limit = 1
	b := newBench(t, service("service.db"), cache, follows("service.api", on(0), on(1)), service("service.web", on(2)))
	for i := range 4 {
		b.ready(i)
	}
	b.crash(1)
	b.crash(0)
	b.ready(0)
	b.crash(3)
	b.expect("ready starting ready pending")
	b.crash(1)
	b.expect("ready failed ready starting")
	if b.m.busy(2) {
		t.Error("api is still about to restart")
	}
}

// A change waits for what follows what it has changed, however late it can.
func TestAChangeWaitsForWhatIsAboutToFollow(t *testing.T) {
	db, api := declared("1", service("service.db")), declared("1", follows("service.api", on(0), on(1)))
	b := newTown(t, db, declared("1", service("service.cache")), api)
	b.crash(1)
	op := b.apply(newOperation(), declared("2", service("service.db")), declared("1", service("service.cache")), declared("1", follows("service.api", on(0), on(1))))
	b.stopped(0)
	b.ready(0)
	b.expect("ready starting ready")
	if b.over(op) {
		t.Error("the change is over, and api has not restarted")
	}
	b.ready(1)
	b.stopped(2)
	b.ready(2)
	if !b.over(op) {
		t.Error("the change is not over")
	}
}

// What stops both for a hold and for a change that it would come back from
// stays stopped, whoever is found first.
func TestAHoldLastsWhateverElseStopsAUnit(t *testing.T) {
	b := newTown(t, declared("1", service("service.db")), declared("1", service("service.held")),
		declared("1", service("service.api", on(0))), declared("1", service("service.web", on(2))), declared("1", service("service.edge", on(0))))
	b.send(evCommand{op: newOperation(), verb: verbStop, units: []string{"service.held"}, why: heldPrefix + "by a test"})
	b.stopped(1)
	op := b.apply(newOperation(), declared("1", service("service.held")), declared("2", service("service.api", on(0))),
		declared("1", service("service.web", on(1))), declared("2", service("service.edge", on(2))))
	b.expect("ready stopped ready stopping stopping")
	b.stopped(4)
	b.expect("ready stopped ready stopping blocked")
	b.stopped(3)
	b.expect("ready stopped stopping blocked blocked")
	b.stopped(2)
	b.stopped(0)
	if !b.over(op) {
		t.Error("the change is not over")
	}
	for _, u := range b.m.units[2:] {
		if u.state != Blocked {
			t.Errorf("%s is %s", u.id, u.state)
		}
	}
}
