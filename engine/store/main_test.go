package store_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/store"
)

// The test binary is also the process that writes and is killed, and the one
// whose files may not grow.
func TestMain(m *testing.M) {
	switch os.Getenv("STORE_TEST_ROLE") {
	case "write":
		writeForEver(os.Getenv("STORE_TEST_DIR"))
	case "limit":
		writeBeyondLimit(os.Getenv("STORE_TEST_DIR"))
	case "lock":
		lockUntilEnd(os.Getenv("STORE_TEST_DIR"))
	case "memory":
		reportMemory(os.Getenv("STORE_TEST_DIR"))
	default:
		goleak.VerifyTestMain(m)
	}
}

// record is a log that tests can look at.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
	more sync.Cond // with mu
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.more.L != nil {
		r.more.Broadcast()
	}
	return r.text.Write(p)
}

// await returns once it says something.
func (r *record) await(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.more.L = &r.mu; !strings.Contains(r.text.String(), what); {
		r.more.Wait()
	}
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func (r *record) logger() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Output: r, Level: hclog.Debug, DisableTime: true})
}

// open opens a store that ends with the test.
func open(t testing.TB, dir string) (*store.Store, *record) {
	t.Helper()
	return openWith(t, store.Config{Dir: dir})
}

func openWith(t testing.TB, c store.Config) (*store.Store, *record) {
	t.Helper()
	log := &record{}
	c.Life, c.Logger = "life", log.logger()
	s, err := store.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, log
}

// transition is an event like most.
func transition(n int) event.Event {
	return event.Event{
		Kind: event.Transition, Unit: fmt.Sprintf("service.s%d", n%7), UnitKind: "service",
		From: "starting", To: "ready", Run: n,
	}
}

// numbers are those of events, as tests compare them.
func numbers(events []event.Event) []uint64 {
	var list []uint64
	for _, ev := range events {
		list = append(list, ev.Seq)
	}
	return list
}

func all(t testing.TB, s *store.Store) []event.Event {
	t.Helper()
	return query(t, s, store.Query{})
}

func query(t testing.TB, s *store.Store, q store.Query) []event.Event {
	t.Helper()
	found, err := s.Events(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func flush(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func closeStore(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
