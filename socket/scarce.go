package socket

import (
	"errors"
	"sync"
	"syscall"
	"time"
)

// Scarce reports whether accepting or connecting failed for want of something
// that comes back, or of a client that was gone already.
func Scarce(err error) bool { return short(err) || errors.Is(err, syscall.ECONNABORTED) }

// short reports whether something is wanting.
func short(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Shortage tells of what is wanting to accept or to connect, at most once a
// minute. It is safe for concurrent use.
type Shortage struct {
	Tell func(error) // nil: nobody hears of it

	mu   sync.Mutex
	told time.Time // guarded by mu
}

const shortageEvery = time.Minute // as long as that lasts

// Note takes why accepting or connecting failed.
func (s *Shortage) Note(err error) {
	if s.Tell == nil || !short(err) {
		return
	}
	s.mu.Lock()
	now := time.Now()
	due := s.told.IsZero() || now.Sub(s.told) >= shortageEvery
	if due {
		s.told = now
	}
	s.mu.Unlock()
	if due {
		s.Tell(err)
	}
}
