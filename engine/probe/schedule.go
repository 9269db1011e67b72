package probe

import "time"

// eagerShare and eagerFloor make the rhythm of a probe that waits for the
// first success: late by at most four hundredths of what the start took, so
// that a chain of units loses no more than that, and never busier than one
// look in a millisecond.
const (
	eagerShare = 25
	eagerFloor = time.Millisecond
)

// nextDelay returns how long to wait until the next look of a unit that
// started elapsed ago and is not ready yet.
func nextDelay(elapsed, interval time.Duration) time.Duration {
	return max(eagerFloor, min(elapsed/eagerShare, max(interval, eagerFloor)))
}
