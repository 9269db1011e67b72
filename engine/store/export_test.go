package store

import "time"

// Hang holds the file as a disk does that does not answer, until release. A step
// of the writer that begins until then stalls after that time.
func (s *Store) Hang(stall time.Duration) (release func()) {
	s.turn <- struct{}{}
	s.stall.Store(int64(stall))
	return func() {
		s.stall.Store(int64(Stall))
		<-s.turn
	}
}
