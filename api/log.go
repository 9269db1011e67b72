package api

import "time"

// LogLine is one line that a unit wrote, or a piece of one.
type LogLine struct {
	Time      time.Time `json:"time"`
	Unit      string    `json:"unit"`
	Stream    string    `json:"stream,omitempty" enum:"stdout,stderr,syndicate" doc:"syndicate: a note of the log's own. Left out where the log does not tell."`
	Text      string    `json:"text" doc:"Without its line end. What is not UTF-8 is replaced by U+FFFD."`
	Raw       []byte    `json:"raw,omitempty" doc:"The bytes of the text, where they are not UTF-8."`
	Continued bool      `json:"continued,omitempty" doc:"The text goes on where the last line of the same unit and stream broke off."`
}

// Bytes returns the text as the unit wrote it.
func (l *LogLine) Bytes() []byte {
	if l.Raw != nil {
		return l.Raw
	}
	return []byte(l.Text)
}
