package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/store"
)

// A disk that does not answer is told of, holds up nobody, and loses nothing
// once it answers again.
func TestADiskThatDoesNotAnswer(t *testing.T) {
	s, said := open(t, t.TempDir())
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	release := s.Hang(time.Millisecond)
	s.Append(event.Event{Kind: event.Engine, Cause: "held"})
	said.await("the disk does not answer")
	if since, err := s.Trouble(); err == nil || since.IsZero() || err.Error() != "the disk does not answer" {
		t.Errorf("trouble since %v: %v", since, err)
	}
	events, err := s.Events(t.Context(), store.Query{})
	if err == nil || len(events) != 1 || events[0].Cause != "held" {
		t.Errorf("while it hangs there are %d events, error %v", len(events), err)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "the disk does not answer") {
		t.Errorf("closed with %v", err)
	}
	release()
	if err := s.Close(); err != nil {
		t.Errorf("closed again with %v", err)
	}
	if _, err := s.Trouble(); err != nil {
		t.Errorf("afterwards there is trouble: %v", err)
	}
	if text := said.String(); strings.Count(text, "the disk does not answer") != 1 || !strings.Contains(text, "answers again") {
		t.Errorf("it said:\n%s", text)
	}
}
