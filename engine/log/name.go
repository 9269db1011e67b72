package log

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The endings of the two files of a unit. A rotated pair has a number
// behind them: 1 is the newest.
const (
	logSuffix = ".log"
	idxSuffix = ".idx"
)

// FileName returns the name under which the unit's files stand, without
// their endings. Letters, digits and _ . - stay; a key stands behind an @,
// and what follows it behind another: service.worker["a"] is
// service.worker@a. Every other byte, and a dot at the start, is written as %
// and two hex digits, so that no two units share a name.
func FileName(unit string) string {
	head, rest, ok := strings.Cut(unit, `["`)
	key, tail, closed := strings.Cut(rest, `"]`)
	var name string
	switch {
	case !ok || !closed:
		name = escape(unit)
	case tail == "":
		name = escape(head) + "@" + escape(key)
	default:
		name = escape(head) + "@" + escape(key) + "@" + escape(tail)
	}
	if rest, hidden := strings.CutPrefix(name, "."); hidden {
		name = "%2E" + rest
	}
	return name
}

// UnitName is the inverse of FileName. It reports false for a name that
// FileName does not make.
func UnitName(name string) (string, bool) {
	parts := strings.Split(name, "@")
	for i, p := range parts {
		text, ok := unescape(p)
		if !ok {
			return "", false
		}
		parts[i] = text
	}
	var unit string
	switch len(parts) {
	case 1:
		unit = parts[0]
	case 2:
		unit = parts[0] + `["` + parts[1] + `"]`
	case 3:
		unit = parts[0] + `["` + parts[1] + `"]` + parts[2]
	}
	return unit, unit != "" && FileName(unit) == name
}

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.', c == '_', c == '-',
			'0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		v, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(v))
		i += 2
	}
	return b.String(), true
}

// parseFile splits the name of a log file or an index into its unit and the
// number of its rotation, 0 for the current one.
func parseFile(name string) (unit string, n int, ok bool) {
	stem := name
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		if v, err := strconv.Atoi(name[i+1:]); err == nil && v > 0 && strconv.Itoa(v) == name[i+1:] {
			stem, n = name[:i], v
		}
	}
	base, found := strings.CutSuffix(stem, logSuffix)
	if !found {
		if base, found = strings.CutSuffix(stem, idxSuffix); !found {
			return "", 0, false
		}
	}
	unit, ok = UnitName(base)
	return unit, n, ok
}

// numbered returns the path of one file of a unit.
func numbered(base, suffix string, n int) string {
	if n == 0 {
		return base + suffix
	}
	return base + suffix + "." + strconv.Itoa(n)
}

// Units lists the units that have log files in dir, sorted. A directory that
// does not exist has none.
func Units(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list log files: %w", err)
	}
	var units []string
	for _, e := range entries {
		if unit, _, ok := parseFile(e.Name()); ok && strings.Contains(e.Name(), logSuffix) {
			units = append(units, unit)
		}
	}
	slices.Sort(units)
	return slices.Compact(units), nil
}

func basePath(dir, unit string) string { return filepath.Join(dir, FileName(unit)) }
