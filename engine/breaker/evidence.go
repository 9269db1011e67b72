package breaker

import (
	"strconv"
	"time"
)

// Evidence is what is known of one failed call. It stands in events and in
// `breaker show`, so it holds no secret: whoever makes it leaves out URLs
// with credentials and the text of answers.
type Evidence struct {
	Time time.Time `json:"time"`
	// Status is what came back: "503", "grpc 14"; empty where nothing did.
	Status string `json:"status,omitempty"`
	// Error is what went wrong, in words: "connection refused".
	Error string `json:"error,omitempty"`
	// Latency is the time to the first byte of the answer, or to the failure.
	Latency time.Duration `json:"latency_ns,omitempty"`
	// RetryAfter is how long the other side asked to be left alone.
	RetryAfter time.Duration `json:"retry_after_ns,omitempty"`
}

// maxErrorText bounds what is kept of an error, in bytes.
const maxErrorText = 256

// What one failed call says of itself: "503 after 20ms".
func (e Evidence) String() string {
	text := e.Status
	if e.Error != "" && text != "" {
		text += " "
	}
	text += e.Error
	if text == "" {
		text = "failed"
	}
	if e.Latency > 0 {
		text += " after " + rounded(e.Latency).String()
	}
	return text
}

// rounded leaves three digits of a duration, which is what people read.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

// keptEvidence is how many failures are remembered.
const keptEvidence = 16

// failures are the last ones, the newest over the oldest.
type failures struct {
	ring [keptEvidence]Evidence
	n    int // ever
}

func (f *failures) add(e Evidence) {
	if len(e.Error) > maxErrorText {
		e.Error = e.Error[:maxErrorText] + "…"
	}
	f.ring[f.n%keptEvidence] = e
	f.n++
}

// list returns them, oldest first.
func (f *failures) list() []Evidence {
	var all []Evidence
	for n := max(0, f.n-keptEvidence); n < f.n; n++ {
		all = append(all, f.ring[n%keptEvidence])
	}
	return all
}

// inWords says how many of something there were: "1 failure", "5 failures".
func inWords(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
