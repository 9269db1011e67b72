package spec

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes.
type Size int64

// The size units of the language. kB to TB are powers of 1000, KiB to TiB
// of 1024.
const (
	Byte     Size = 1
	Kilobyte      = 1000 * Byte
	Megabyte      = 1000 * Kilobyte
	Gigabyte      = 1000 * Megabyte
	Terabyte      = 1000 * Gigabyte
	Kibibyte      = 1024 * Byte
	Mebibyte      = 1024 * Kibibyte
	Gibibyte      = 1024 * Mebibyte
	Tebibyte      = 1024 * Gibibyte
)

var sizeUnits = []struct {
	name string
	size Size
}{
	{"TiB", Tebibyte}, {"TB", Terabyte}, {"GiB", Gibibyte}, {"GB", Gigabyte},
	{"MiB", Mebibyte}, {"MB", Megabyte}, {"KiB", Kibibyte}, {"kB", Kilobyte},
	{"B", Byte},
}

// String returns the shortest exact form: 50MB, 1GiB.
func (s Size) String() string {
	best := strconv.FormatInt(int64(s), 10) + "B"
	for _, u := range sizeUnits {
		if s != 0 && s%u.size == 0 {
			if t := strconv.FormatInt(int64(s/u.size), 10) + u.name; len(t) < len(best) {
				best = t
			}
		}
	}
	return best
}

// ParseSize reads a size such as 50MB or 1.5GiB. A bare number is an error
// that shows the units.
func ParseSize(s string) (Size, error) {
	for _, u := range sizeUnits {
		num, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := parseUnits(num, int64(u.size))
		if err != nil {
			return 0, fmt.Errorf("size %q: %w", s, err)
		}
		return Size(n), nil
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil && s != "" {
		return 0, fmt.Errorf("size %q has no unit: write %q, or another of B kB MB GB TB KiB MiB GiB TiB", s, s+"MB")
	}
	return 0, fmt.Errorf("%q is not a size: write a number and one of B kB MB GB TB KiB MiB GiB TiB, such as \"50MB\"", s)
}

var durationUnits = []struct {
	name string
	unit time.Duration
}{
	{"ns", time.Nanosecond}, {"us", time.Microsecond}, {"ms", time.Millisecond},
	{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
}

// Duration is a span of time that prints in the language's units.
type Duration time.Duration

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns the shortest exact form: 30s, 1m30s, 250ms, 2d.
func (d Duration) String() string {
	if d == 0 {
		return "0s"
	}
	b := make([]byte, 0, 32)
	rest := time.Duration(d)
	if rest < 0 {
		b = append(b, '-')
		rest = -rest
	}
	for _, u := range [...]struct {
		name string
		unit time.Duration
	}{
		{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute},
		{"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", 1},
	} {
		if n := rest / u.unit; n > 0 {
			b = append(strconv.AppendInt(b, int64(n), 10), u.name...)
			rest -= n * u.unit
		}
	}
	return string(b)
}

// MarshalText writes the form of String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDuration does.
func (d *Duration) UnmarshalText(text []byte) error {
	got, err := ParseDuration(string(text))
	if err == nil {
		*d = got
	}
	return err
}

// ParseDuration reads a duration such as 30s, 1m30s, 1.5h or 2d. It is never
// negative. A bare number is an error that shows the units.
func ParseDuration(s string) (Duration, error) {
	const units = "ns us ms s m h d"
	if s == "" {
		return 0, fmt.Errorf("%q is not a duration: write a number and one of %s, such as \"30s\"", s, units)
	}
	var total int64
	for rest := s; rest != ""; {
		i := 0
		for i < len(rest) && (rest[i] == '.' || '0' <= rest[i] && rest[i] <= '9') {
			i++
		}
		j := i
		for j < len(rest) && 'a' <= rest[j] && rest[j] <= 'z' {
			j++
		}
		num, name := rest[:i], rest[i:j]
		rest = rest[j:]
		if num != "" && name == "" && rest == "" {
			return 0, fmt.Errorf("duration %q has no unit: write %q, or another of %s", s, s+"s", units)
		}
		var unit time.Duration
		for _, u := range durationUnits {
			if u.name == name {
				unit = u.unit
			}
		}
		if num == "" || unit == 0 {
			return 0, fmt.Errorf("%q is not a duration: write a number and one of %s, such as \"30s\" or \"1m30s\"", s, units)
		}
		n, err := parseUnits(num, int64(unit))
		if err != nil {
			return 0, fmt.Errorf("duration %q: %w", s, err)
		}
		if total += n; total < 0 {
			return 0, fmt.Errorf("duration %q is too long: at most 292 years", s)
		}
	}
	return Duration(total), nil
}

// parseUnits returns num times unit, exactly rounded down.
func parseUnits(num string, unit int64) (int64, error) {
	digits := strings.Trim(num, "0123456789.")
	if digits != "" || num == "" || num == "." || len(num) > 40 {
		return 0, fmt.Errorf("%q is not a number", num)
	}
	r, ok := new(big.Rat).SetString(num)
	if !ok {
		return 0, fmt.Errorf("%q is not a number", num)
	}
	r.Mul(r, new(big.Rat).SetInt64(unit))
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() {
		return 0, fmt.Errorf("%s is too large", num)
	}
	return n.Int64(), nil
}

// Share is a part of a whole: 0.8 is 80%.
type Share float64

// String returns a percentage.
func (s Share) String() string {
	return strconv.FormatFloat(float64(s)*100, 'f', -1, 64) + "%"
}

// ParseShare reads a percentage such as 80% or 2.5%.
func ParseShare(s string) (Share, error) {
	num, ok := strings.CutSuffix(s, "%")
	f, err := strconv.ParseFloat(num, 64)
	switch {
	case err != nil || num == "" || f < 0 || f != f:
		return 0, fmt.Errorf("%q is not a share: write a percentage such as \"80%%\"", s)
	case !ok:
		return 0, fmt.Errorf("share %q has no unit: write \"%s%%\"", s, s)
	case f > 1e9:
		return 0, fmt.Errorf("share %q is too large", s)
	}
	return Share(f / 100), nil
}

// Rate is a count, or a size, per duration.
type Rate struct {
	Count  float64  // bytes where IsSize
	Per    Duration // never zero
	IsSize bool
}

// PerSecond returns the count in one second.
func (r Rate) PerSecond() float64 { return r.Count / r.Per.Std().Seconds() }

// String returns the form as written: 0.01/s, 1/5m, 10MB/h.
func (r Rate) String() string {
	per := strings.TrimPrefix(r.Per.String(), "1")
	if per == "" || !(per[0] >= 'a') {
		per = r.Per.String()
	}
	if r.IsSize {
		return Size(r.Count).String() + "/" + per
	}
	return strconv.FormatFloat(r.Count, 'f', -1, 64) + "/" + per
}

// ParseRate reads a rate such as 0.01/s, 1/5m or 10MB/h.
func ParseRate(s string) (Rate, error) {
	bad := func() (Rate, error) {
		return Rate{}, fmt.Errorf("%q is not a rate: write a count or a size per duration, such as \"0.01/s\", \"1/5m\" or \"10MB/h\"", s)
	}
	num, per, ok := strings.Cut(s, "/")
	if !ok || per == "" {
		return bad()
	}
	if per[0] >= 'a' {
		per = "1" + per
	}
	d, err := ParseDuration(per)
	if err != nil || d <= 0 {
		return bad()
	}
	if n, err := strconv.ParseFloat(num, 64); err == nil && n >= 0 && n < 1e18 {
		return Rate{Count: n, Per: d}, nil
	}
	n, err := ParseSize(num)
	if err != nil {
		return bad()
	}
	return Rate{Count: float64(n), Per: d, IsSize: true}, nil
}
