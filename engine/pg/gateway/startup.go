package gateway

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// startup is the packet that begins a session: a version and parameters, in
// the order in which the client sent them.
type startup struct {
	version uint32
	params  []param
}

type param struct{ name, value string }

// parseStartup reads a packet of readHello.
func parseStartup(packet []byte) (startup, error) {
	s := startup{version: binary.BigEndian.Uint32(packet[4:])}
	if s.version>>16 != 3 {
		return s, nil // the parameters of other versions are not these
	}
	rest := packet[8:]
	for {
		name, after, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return s, errors.New("the startup packet has no end")
		}
		if len(name) == 0 {
			if len(after) > 0 {
				return s, errors.New("the startup packet goes on behind its end")
			}
			return s, nil
		}
		value, after, ok := bytes.Cut(after, []byte{0})
		if !ok {
			return s, errors.New("the startup packet has a parameter without a value")
		}
		s.params = append(s.params, param{string(name), string(value)})
		rest = after
	}
}

// encode is the packet of s, with its length.
func (s startup) encode() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 4, 256), s.version)
	for _, p := range s.params {
		b = append(append(b, p.name...), 0)
		b = append(append(b, p.value...), 0)
	}
	b = append(b, 0)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

// get returns a parameter, the last of a name as the server does.
func (s startup) get(name string) string {
	for _, p := range slices.Backward(s.params) {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// replicates reports whether the session is one of replication, physical or
// logical: a boolean as the server reads it, or "database".
func (s startup) replicates() bool {
	v := strings.ToLower(s.get("replication"))
	if v == "" {
		return false
	}
	for _, no := range []string{"false", "off", "no", "0"} {
		if strings.HasPrefix(no, v) && v != "o" {
			return false
		}
	}
	return true
}

const statementTimeout = "statement_timeout"

// limit bounds the time of each statement unless the client asks for less. It
// is a parameter of its own, which counts more than one of options. It
// reports whether anything has changed.
func (s *startup) limit(bound time.Duration) bool {
	if bound <= 0 {
		return false
	}
	asked, ok := time.Duration(0), false
	for _, p := range s.params {
		switch strings.ToLower(p.name) {
		case "options":
			if v, found := optionValue(p.value, statementTimeout); found {
				asked, ok = parseTimeout(v)
			}
		}
	}
	for _, p := range s.params {
		if strings.EqualFold(p.name, statementTimeout) {
			asked, ok = parseTimeout(p.value)
		}
	}
	if ok && asked > 0 && asked <= bound {
		return false
	}
	s.params = slices.DeleteFunc(s.params, func(p param) bool { return strings.EqualFold(p.name, statementTimeout) })
	ms := max(bound.Milliseconds(), 1)
	s.params = append(s.params, param{statementTimeout, strconv.FormatInt(ms, 10)})
	return true
}

// optionValue finds a setting in the value of options, which the server
// reads like a command line: -c name=value, -cname=value or --name=value,
// with a backslash before what belongs to a word. The last one counts.
func optionValue(options, name string) (value string, found bool) {
	words := splitOptions(options)
	for i := 0; i < len(words); i++ {
		setting := ""
		switch w := words[i]; {
		case w == "-c" && i+1 < len(words):
			i++
			setting = words[i]
		case strings.HasPrefix(w, "-c"), strings.HasPrefix(w, "--"):
			setting = w[2:]
		}
		k, v, ok := strings.Cut(setting, "=")
		if ok && strings.EqualFold(strings.ReplaceAll(k, "-", "_"), name) {
			value, found = v, true
		}
	}
	return value, found
}

func splitOptions(s string) []string {
	var words []string
	var word []byte
	in := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == ' ' || '\t' <= c && c <= '\r':
			if in {
				words, word, in = append(words, string(word)), nil, false
			}
			continue
		case c == '\\' && i+1 < len(s):
			i++
			c = s[i]
		}
		word, in = append(word, c), true
	}
	if in {
		words = append(words, string(word))
	}
	return words
}

// parseTimeout reads a time as the server does: a number, by itself in
// milliseconds, or with a unit. ok is false where the server would refuse it;
// the server says so then.
func parseTimeout(s string) (d time.Duration, ok bool) {
	s = strings.TrimSpace(s)
	i := strings.LastIndexAny(s, "0123456789.") + 1
	n, err := strconv.ParseFloat(s[:i], 64)
	if err != nil || n < 0 {
		return 0, false
	}
	units := map[string]time.Duration{
		"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
		"min": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}
	unit, ok := units[strings.TrimSpace(s[i:])]
	if !ok || n*float64(unit) > float64(1<<62) {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}
