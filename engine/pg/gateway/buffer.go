package gateway

// The sizes of the buffer of one direction, in bytes: as a rule, and while
// each read fills it.
const (
	smallBuffer = 8 << 10
	largeBuffer = 64 << 10
)

// calm is how many small reads in a row give the large buffer back.
const calm = 64

// buffer is what one direction is copied through.
type buffer struct {
	bytes []byte
	small int // reads in a row that the small one would have done for
}

func newBuffer() *buffer { return &buffer{bytes: make([]byte, smallBuffer)} }

// fit makes it right for what comes after a read of n bytes.
func (b *buffer) fit(n int) {
	switch {
	case len(b.bytes) == smallBuffer:
		if n == smallBuffer {
			b.bytes, b.small = make([]byte, largeBuffer), 0
		}
	case n > smallBuffer:
		b.small = 0
	default:
		if b.small++; b.small >= calm {
			b.bytes = make([]byte, smallBuffer)
		}
	}
}
