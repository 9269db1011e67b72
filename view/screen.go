package view

import (
	"bytes"
	"io"
	"sync"

	"github.com/charmbracelet/x/ansi"
)

// Screen is a terminal that lines scroll up on and whose last line may be a
// status that changes. What is no terminal gets the lines alone. It is safe
// for use by many goroutines.
type Screen struct {
	mu     sync.Mutex
	w      io.Writer
	live   bool
	width  func() int
	status string
	shown  bool
}

// NewScreen returns a Screen on w. width gives the terminal's columns at the
// moment; nil means that w is no terminal.
func NewScreen(w io.Writer, width func() int) *Screen {
	return &Screen{w: w, live: width != nil, width: width}
}

// Live reports whether the screen is a terminal.
func (s *Screen) Live() bool { return s.live }

const (
	clearLine = "\r\x1b[K"
	dim       = "\x1b[2m"
	reset     = "\x1b[0m"
)

// Write puts whole lines above the status.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.shown {
		return s.w.Write(p)
	}
	// One write, so that the status does not flicker.
	var b bytes.Buffer
	b.WriteString(clearLine)
	b.Write(p)
	b.WriteString(s.line())
	if _, err := s.w.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Status replaces the status line; an empty one removes it.
func (s *Screen) Status(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live || text == s.status && s.shown == (text != "") {
		return
	}
	s.status = text
	if text == "" {
		_, _ = io.WriteString(s.w, clearLine)
		s.shown = false
		return
	}
	s.shown = true
	_, _ = io.WriteString(s.w, clearLine+s.line())
}

// line is the status as it is drawn: never wider than the terminal, since
// what wraps cannot be taken back.
func (s *Screen) line() string {
	text := s.status
	if limit := s.width() - 1; limit > 0 {
		text = ansi.Truncate(text, limit, "…")
	}
	return dim + text + reset
}

// Note writes one line of a command's own.
func Note(w io.Writer, text string) { _, _ = io.WriteString(w, oneLine(text)+"\n") }
