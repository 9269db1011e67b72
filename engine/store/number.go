package store

import (
	"bytes"
	"os"
	"strconv"
)

// numberMark stands before the number of an event, as the journal has it.
var numberMark = []byte(`"seq":`)

// maxNumber is beyond what any journal comes to: a number above it is damage.
const maxNumber = 1 << 50

// lastNumber looks for the number of the last event in a file that is no
// database any more, and in its log, so that those to come do not begin at 1
// again: whoever asks for what came after some number would miss them. It
// returns 0 where it finds none.
func (f *file) lastNumber() uint64 {
	var last uint64
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Lstat(f.path + suffix)
		if err != nil || !info.Mode().IsRegular() || info.Size() > 4*defaultMaxBytes {
			continue
		}
		rest, err := os.ReadFile(f.path + suffix)
		if err != nil {
			continue
		}
		for {
			_, behind, found := bytes.Cut(rest, numberMark)
			if !found {
				break
			}
			rest = behind
			if n := leadingNumber(rest); n > last && n < maxNumber {
				last = n
			}
		}
	}
	return last
}

// leadingNumber reads the digits that a text begins with.
func leadingNumber(text []byte) uint64 {
	n := 0
	for n < len(text) && n < 20 && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	number, err := strconv.ParseUint(string(text[:n]), 10, 64)
	if err != nil {
		return 0
	}
	return number
}
