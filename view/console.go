package view

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// LogLine is one line of a unit's output.
type LogLine struct {
	Unit   string
	Stream string // stdout, stderr, syndicate for a note of ours, or empty
	Time   time.Time
	Text   []byte
	// Continued says that the unit's last line of this stream goes on here.
	Continued bool
}

// ConsoleConfig says how log lines are written for people.
type ConsoleConfig struct {
	Out    io.Writer
	Colour bool
	Times  bool // stand before each line
	// Units are those whose lines may come. Their names are shortened where
	// that leaves no doubt, and set in one column.
	Units []string
	// Bare leaves the names out, where only one unit is shown; without colour
	// a line is then just what the unit wrote.
	Bare bool
}

// Console writes the merged lines of many units: their names in a column,
// each in a colour of its own, and the standard error told apart. Nothing
// that a unit writes can move the cursor or speak to the terminal; only its
// colours pass, where there are any, and end with the line. It is not safe
// for concurrent use.
type Console struct {
	cfg   ConsoleConfig
	ink   ink
	signs signs
	names map[string]string
	width int
	buf   bytes.Buffer
	// prefixes are what was made of labels: it costs more than the line does.
	prefixes map[label]string
}

// label is what the beginning of a line depends on.
type label struct{ unit, stream string }

// maxNameColumn bounds the column of names: a longer one pushes its line to
// the right.
const maxNameColumn = 32

// NewConsole returns a Console.
func NewConsole(cfg ConsoleConfig) *Console {
	c := &Console{cfg: cfg, ink: ink(cfg.Colour), names: ShortNames(cfg.Units), signs: usualSigns, prefixes: map[label]string{}}
	if to, past := verbatim(cfg.Out); past {
		c.cfg.Out, c.signs = to, usualSigns.ascii()
	}
	for _, name := range c.names {
		if w := ansi.StringWidth(name); w <= maxNameColumn {
			c.width = max(c.width, w)
		}
	}
	return c
}

// ShortNames gives each unit the part of its name behind the first dot, where
// no other unit has the same: api for service.api.
func ShortNames(units []string) map[string]string {
	short := func(unit string) string {
		_, name, ok := strings.Cut(unit, ".")
		if !ok {
			return unit
		}
		return strings.ReplaceAll(strings.ReplaceAll(name, `["`, "["), `"]`, "]")
	}
	units = slices.Clone(units)
	slices.Sort(units)
	units = slices.Compact(units)
	count := map[string]int{}
	for _, u := range units {
		count[short(u)]++
	}
	names := make(map[string]string, len(units))
	for _, u := range units {
		names[u] = u
		if count[short(u)] == 1 {
			names[u] = short(u)
		}
	}
	return names
}

// Lines writes lines, at once.
func (c *Console) Lines(lines []LogLine) error {
	c.buf.Reset()
	for i := range lines {
		c.line(&lines[i])
	}
	_, err := c.cfg.Out.Write(c.buf.Bytes())
	return err
}

const clockFmt = "15:04:05.000 "

// signs stand between name and text: of the standard output, of the standard
// error, of a note, and of what goes on from the line before.
type signs struct{ out, err, note, goingOn string }

var usualSigns = signs{out: "│", err: "┃", note: "·", goingOn: "↪ "}

func (s signs) ascii() signs {
	return signs{ascii.Replace(s.out), ascii.Replace(s.err), ascii.Replace(s.note), ascii.Replace(s.goingOn)}
}

func (c *Console) line(l *LogLine) {
	if c.cfg.Times {
		c.buf.WriteString(c.ink.dim(l.Time.Local().Format(clockFmt)))
	}
	begins := label{l.Unit, l.Stream}
	prefix, ok := c.prefixes[begins]
	if !ok {
		prefix = c.prefix(begins)
		c.prefixes[begins] = prefix
	}
	c.buf.WriteString(prefix)
	text := bytes.TrimSuffix(l.Text, []byte{'\r'})
	switch {
	case l.Stream == "syndicate":
		c.buf.WriteString(c.ink.yellow(c.signs.note + " " + harmless(text, false)))
		c.buf.WriteByte('\n')
		return
	case l.Continued:
		c.buf.WriteString(c.ink.dim(c.signs.goingOn))
	}
	if isPlain(text) {
		c.buf.Write(text)
	} else {
		c.buf.WriteString(harmless(text, c.cfg.Colour))
	}
	c.buf.WriteByte('\n')
}

// prefix is the name of a unit and the sign of a stream.
func (c *Console) prefix(l label) string {
	var b strings.Builder
	if !c.cfg.Bare {
		name, ok := c.names[l.unit]
		if !ok {
			name = l.unit
		}
		b.WriteString(c.ink.paint(hue(l.unit), pad(printable(name), c.width)) + " ")
	}
	switch {
	case l.stream == "syndicate", c.cfg.Bare && !c.cfg.Colour:
	case l.stream == "stderr":
		b.WriteString(c.ink.red(c.signs.err) + " ")
	default:
		b.WriteString(c.ink.dim(c.signs.out) + " ")
	}
	return b.String()
}

// hues are the colours of names: those that stand out on light and dark and
// mean nothing, as red, yellow and green do.
var hues = [...]string{"36", "34", "35", "96", "94", "95"}

// hue gives a unit the same colour each time.
func hue(unit string) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, unit)
	return hues[h.Sum32()%uint32(len(hues))]
}

// harmless returns what a terminal may be given of a line. Tabs stay; colour
// sequences stay where colour is on, and are ended with the line; other
// sequences are left out, and other control and invisible characters are
// written out. A carriage return within a line is a progress bar: what stands
// behind the last one counts.
func harmless(text []byte, colour bool) string {
	if i := bytes.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:]
	}
	var b strings.Builder
	painted := false
	for len(text) > 0 {
		if n := sequence(text); n > 0 {
			if seq := text[:n]; colour && isColour(seq) {
				b.Write(seq)
				painted = true
			}
			text = text[n:]
			continue
		}
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case r == '\t' || unicode.IsGraphic(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case joins(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[n:]
	}
	if painted {
		b.WriteString(reset)
	}
	return b.String()
}

// isPlain reports whether text is printable ASCII and tabs, as most lines
// are.
func isPlain(text []byte) bool {
	for _, c := range text {
		if c != '\t' && (c < ' ' || c > '~') {
			return false
		}
	}
	return true
}

// joins reports whether r belongs into a word or an emoji: the two joiners.
func joins(r rune) bool { return r == 0x200c || r == 0x200d }

// sequence returns the length of the escape sequence that text begins with,
// 0 where it begins with none. One without end reaches to the end of the
// line: a terminal would go on to swallow what follows.
func sequence(text []byte) int {
	if text[0] != 0x1b {
		return 0
	}
	if len(text) == 1 {
		return 1
	}
	switch text[1] {
	case '[':
		for i := 2; i < len(text); i++ {
			if c := text[i]; c >= 0x40 && c <= 0x7e {
				return i + 1
			} else if c < 0x20 || c > 0x7e {
				return i // broken off: the rest is text
			}
		}
		return len(text)
	case ']', 'P', '_', '^', 'X':
		for i := 2; i < len(text); i++ {
			if text[i] == 0x07 {
				return i + 1
			}
			if text[i] == 0x1b && i+1 < len(text) && text[i+1] == '\\' {
				return i + 2
			}
		}
		return len(text)
	}
	for i := 1; i < len(text); i++ {
		if c := text[i]; c >= 0x30 && c <= 0x7e {
			return i + 1
		} else if c < 0x20 || c > 0x7e {
			return i
		}
	}
	return len(text)
}

// isColour reports whether a sequence sets colours: ESC [ digits m.
func isColour(seq []byte) bool {
	if len(seq) < 3 || seq[1] != '[' || seq[len(seq)-1] != 'm' || len(seq) > 64 {
		return false
	}
	for _, c := range seq[2 : len(seq)-1] {
		if c != ';' && c != ':' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
