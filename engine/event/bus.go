package event

import (
	"context"
	"errors"
	"sync"
)

// ErrClosed is the error of a bus or subscription that has ended.
var ErrClosed = errors.New("no more events")

// Bounds of a subscription's buffer, in events.
const (
	defaultBuffer = 1024
	firstBuffer   = 16
)

// Bus hands every event to every subscription. The zero value is ready for
// use, from any goroutine.
type Bus struct {
	mu     sync.Mutex
	subs   map[*Subscription]struct{} // guarded by mu
	closed bool                       // guarded by mu
}

// Publish hands an event to all subscriptions. It never waits for one. All
// subscriptions see events in one order, that of the calls.
func (b *Bus) Publish(ev Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subs {
		s.put(ev)
	}
}

// Subscribe returns a subscription to what is published from now on. It holds
// at most buffer events that were not read; 0 stands for 1024. The caller
// closes it.
func (b *Bus) Subscribe(buffer int) *Subscription {
	if buffer <= 0 {
		buffer = defaultBuffer
	}
	s := &Subscription{bus: b, most: buffer, wake: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.ended = b.closed; s.ended {
		return s
	}
	if b.subs == nil {
		b.subs = map[*Subscription]struct{}{}
	}
	b.subs[s] = struct{}{}
	return s
}

// Close ends all subscriptions once they have read what was published before.
// Later events go nowhere.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for s := range b.subs {
		s.end()
	}
	clear(b.subs)
}

// Subscription is one reader of a bus. It belongs to one goroutine; Close may
// be called from any.
type Subscription struct {
	bus  *Bus
	most int
	wake chan struct{} // holds one token where Next has something to look at

	mu     sync.Mutex
	ring   []Event // guarded by mu; grows up to most
	head   int     // guarded by mu, of the oldest event
	count  int     // guarded by mu
	lost   uint64  // guarded by mu, since the last Next
	ended  bool    // guarded by mu: nothing comes any more
	closed bool    // guarded by mu: nothing is read any more
}

// put adds an event, in place of the oldest where there is no room.
func (s *Subscription) put(ev Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == len(s.ring) && len(s.ring) < s.most {
		s.grow()
	}
	if s.count == len(s.ring) {
		s.head = (s.head + 1) % len(s.ring)
		s.count--
		s.lost++
	}
	s.ring[(s.head+s.count)%len(s.ring)] = ev
	s.count++
	s.nudge()
}

// grow doubles the ring. The caller holds mu.
func (s *Subscription) grow() {
	ring := make([]Event, min(s.most, max(firstBuffer, 2*len(s.ring))))
	n := copy(ring, s.ring[s.head:])
	copy(ring[n:], s.ring[:s.head])
	s.ring, s.head = ring, 0
}

// nudge wakes Next. It never waits.
func (s *Subscription) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Subscription) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.nudge()
}

// Next returns the next event, and how many right before it were lost since
// this reader was too slow. It waits for one, until ctx ends: then it returns
// the cause of that. It returns ErrClosed after Close, or when the bus was
// closed and all is read.
func (s *Subscription) Next(ctx context.Context) (ev Event, lost uint64, err error) {
	for {
		ev, lost, ok, err := s.take()
		if ok || err != nil {
			return ev, lost, err
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return Event{}, 0, context.Cause(ctx)
		}
	}
}

// take returns the oldest event where there is one.
func (s *Subscription) take() (ev Event, lost uint64, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ended && s.count == 0 {
		s.nudge() // whoever else waits, too
		return Event{}, 0, false, ErrClosed
	}
	if s.count == 0 {
		return Event{}, 0, false, nil
	}
	ev, lost = s.ring[s.head], s.lost
	s.ring[s.head] = Event{}
	s.head = (s.head + 1) % len(s.ring)
	s.count--
	s.lost = 0
	return ev, lost, true, nil
}

// Close ends the subscription; a Next that waits returns.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	delete(s.bus.subs, s)
	s.bus.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.ring, s.count = true, nil, 0
	s.nudge()
}
