package log

import "sync"

// Sizes of the buffers that a stream reads into, and how many streams may
// use big ones, and big pipes, at the same time. The big sizes were found by
// measuring: a pipe of 1 MiB lets process and reader run beside each other,
// while a buffer of that size falls out of the processor's cache.
const (
	smallBuffer = MaxLine
	bigBuffer   = 256 << 10
	bigPipe     = 1 << 20
	maxBig      = 16
)

// Buffers are the read buffers that the logs of one engine share. A stream
// holds one only while data flows; so their number is that of the streams
// that are being read at one moment.
type Buffers struct {
	small, big sync.Pool

	mu    sync.Mutex
	grown int // streams that may use big buffers; guarded by mu
}

// NewBuffers returns an empty set.
func NewBuffers() *Buffers {
	return &Buffers{
		small: sync.Pool{New: func() any { return new([smallBuffer]byte) }},
		big:   sync.Pool{New: func() any { return new([bigBuffer]byte) }},
	}
}

// get returns a buffer, a big one if asked.
func (b *Buffers) get(big bool) []byte {
	if big {
		return b.big.Get().(*[bigBuffer]byte)[:]
	}
	return b.small.Get().(*[smallBuffer]byte)[:]
}

// put takes back what get returned.
func (b *Buffers) put(buf []byte) {
	switch len(buf) {
	case bigBuffer:
		b.big.Put((*[bigBuffer]byte)(buf))
	case smallBuffer:
		b.small.Put((*[smallBuffer]byte)(buf))
	}
}

// grow reports whether one more stream may use big buffers.
func (b *Buffers) grow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown == maxBig {
		return false
	}
	b.grown++
	return true
}

// shrink gives back what grow allowed.
func (b *Buffers) shrink() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.grown--
}
