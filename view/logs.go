package view

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"time"
)

// LogFormatVersion is the version of the JSON form of log lines.
const LogFormatVersion = "1.0"

// LogJSON writes log lines as one JSON object per line. The first object has
// the type version and names the format's version.
type LogJSON struct {
	w   *bufio.Writer
	enc *json.Encoder
}

// logVersion is the first object.
type logVersion struct {
	Type          string `json:"type"`
	FormatVersion string `json:"format_version"`
}

// logLine is each further object.
type logLine struct {
	Type      string    `json:"type"`
	Time      time.Time `json:"time"`
	Unit      string    `json:"unit"`
	Stream    string    `json:"stream,omitempty"`
	Text      string    `json:"text"`
	Continued bool      `json:"continued,omitempty"`
}

// NewLogJSON returns a LogJSON and writes the version.
func NewLogJSON(out io.Writer) (*LogJSON, error) {
	w := bufio.NewWriterSize(data(out), 32<<10)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(logVersion{"version", LogFormatVersion}); err != nil {
		return nil, err
	}
	return &LogJSON{w, enc}, w.Flush()
}

// Lines writes lines, at once. What is not UTF-8 is replaced by U+FFFD, since
// JSON cannot say it: the log file has the bytes.
func (j *LogJSON) Lines(lines []LogLine) error {
	for i := range lines {
		l := &lines[i]
		err := j.enc.Encode(logLine{
			Type: "line", Time: l.Time.UTC(), Unit: l.Unit, Stream: l.Stream,
			Text: strings.TrimSuffix(string(l.Text), "\r"), Continued: l.Continued,
		})
		if err != nil {
			return err
		}
	}
	return j.w.Flush()
}
