package decode

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
)

// A bundle is its head, the SHA-256 of what follows, and the answers: numbers
// as varints, texts and lists behind their length. The format has a number; a
// change of what is recorded is a new one.
const (
	bundleName = "syndicate bundle "
	bundleHead = bundleName + "3\n"
)

// maxItems bounds how many answers, entries of directories and so on there
// are, and with it the memory that a bundle can claim.
const maxItems = 1 << 20

// packer writes answers; a dry one only counts.
type packer struct {
	out   []byte
	dry   bool
	size  int
	items int
	few   [binary.MaxVarintLen64]byte
}

func (p *packer) number(n int64) {
	few := binary.AppendVarint(p.few[:0], n)
	p.size += len(few)
	if !p.dry {
		p.out = append(p.out, few...)
	}
}

func (p *packer) text(s string) {
	p.number(int64(len(s)))
	p.size += len(s)
	if !p.dry {
		p.out = append(p.out, s...)
	}
}

func (p *packer) data(b []byte) {
	p.number(int64(len(b)))
	p.size += len(b)
	if !p.dry {
		p.out = append(p.out, b...)
	}
}

func (p *packer) truth(b bool) {
	n := int64(0)
	if b {
		n = 1
	}
	p.number(n)
}

func (p *packer) failure(e errorAnswer) {
	p.text(e.text)
	p.truth(e.absent)
}

// list writes the length of a list, whose items follow.
func (p *packer) list(n int) {
	p.items += n
	p.number(int64(n))
}

// packTable writes a map in order of its keys.
func packTable[K cmp.Ordered, V any](p *packer, m map[K]V, item func(K, V)) {
	p.list(len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		item(k, m[k])
	}
}

func (p *packer) answers(a *answers) {
	p.text(a.path)
	p.text(a.dir)
	p.text(a.stateDir)
	p.truth(a.requireVariables)
	p.list(len(a.vars))
	for _, v := range a.vars {
		p.text(v.Name)
		p.text(v.Value)
		p.text(v.File)
	}
	p.list(len(a.profiles))
	for _, name := range a.profiles {
		p.text(name)
	}
	packTable(p, a.ports, func(name string, n int) { p.text(name); p.number(int64(n)) })
	p.number(int64(a.host.CPUs))
	p.number(a.host.Memory)
	p.number(a.host.Limit)
	p.text(a.host.Hostname)
	p.truth(a.superuser)
	p.list(len(a.environ))
	for _, pair := range a.environ {
		p.text(pair)
	}
	p.list(len(a.patterns))
	for _, pattern := range a.patterns {
		p.text(pattern)
	}
	packTable(p, a.env, func(name string, e envAnswer) { p.text(name); p.text(e.value); p.truth(e.set) })
	packTable(p, a.files, func(path string, f fileAnswer) { p.text(path); p.data(f.data); p.failure(f.err) })
	packTable(p, a.dirs, func(path string, d dirAnswer) {
		p.text(path)
		p.list(len(d.entries))
		for _, e := range d.entries {
			p.text(e.name)
			p.number(int64(e.kind))
		}
		p.failure(d.err)
	})
	packTable(p, a.stats, func(path string, s statAnswer) {
		p.text(path)
		p.number(s.size)
		p.number(int64(s.mode))
		p.failure(s.err)
	})
	packTable(p, a.accounts, func(key string, e errorAnswer) { p.text(key); p.failure(e) })
}

// packBundle writes a bundle; size is how many bytes to make room for.
func packBundle(a *answers, size int) []byte {
	const head = len(bundleHead) + sha256.Size
	p := packer{out: make([]byte, head, max(head, size))}
	p.answers(a)
	return sealBundle(p.out)
}

// sealBundle fills in what stands before the answers.
func sealBundle(out []byte) []byte {
	sum := sha256.Sum256(out[len(bundleHead)+sha256.Size:])
	copy(out, bundleHead)
	copy(out[len(bundleHead):], sum[:])
	return out
}

var errDamaged = errors.New("is damaged: it is not what was sent")

// unpackBundle reads a bundle. Its error continues the words "The bundle".
// The files' bytes are parts of data.
func unpackBundle(data []byte) (*answers, error) {
	switch {
	case len(data) > maxBundle:
		return nil, errors.New("has more than 64 MiB, which none has")
	case !bytes.HasPrefix(data, []byte(bundleName)):
		return nil, errors.New("is no bundle")
	case !bytes.HasPrefix(data, []byte(bundleHead)):
		return nil, errors.New("is of another version of syndicate: use the one that runs the system, or bring the system down and up again")
	}
	rest := data[len(bundleHead):]
	if len(rest) < sha256.Size {
		return nil, errDamaged
	}
	if sum := sha256.Sum256(rest[sha256.Size:]); !bytes.Equal(sum[:], rest[:sha256.Size]) {
		return nil, errDamaged
	}
	u := &unpacker{in: rest[sha256.Size:], items: maxItems}
	a := u.answers()
	if u.bad || len(u.in) > 0 || !filepath.IsAbs(a.dir) {
		return nil, errDamaged
	}
	return a, nil
}

// unpacker reads what a packer wrote. After the first mistake it is bad and
// gives zeros.
type unpacker struct {
	in    []byte
	items int // how many may still come
	bad   bool
}

func (u *unpacker) fail() {
	u.bad, u.in = true, nil
}

func (u *unpacker) number() int64 {
	n, used := binary.Varint(u.in)
	if used <= 0 {
		u.fail()
		return 0
	}
	u.in = u.in[used:]
	return n
}

func (u *unpacker) data() []byte {
	n := u.number()
	if n < 0 || n > int64(len(u.in)) {
		u.fail()
		return nil
	}
	out := u.in[:n:n]
	u.in = u.in[n:]
	return out
}

func (u *unpacker) text() string { return string(u.data()) }

func (u *unpacker) truth() bool { return u.number() == 1 }

func (u *unpacker) mode() fs.FileMode {
	n := u.number()
	if n < 0 || n > math.MaxUint32 {
		u.fail()
		return 0
	}
	return fs.FileMode(n)
}

func (u *unpacker) failure() errorAnswer { return errorAnswer{text: u.text(), absent: u.truth()} }

// list reads the items of a list, each of which takes a byte at least.
func (u *unpacker) list(item func()) {
	n := u.number()
	if n < 0 || n > int64(min(u.items, len(u.in))) {
		u.fail()
		return
	}
	u.items -= int(n)
	for i := int64(0); i < n && !u.bad; i++ {
		item()
	}
}

// unpackTable reads a map.
func unpackTable[V any](u *unpacker, item func() V) map[string]V {
	out := map[string]V{}
	u.list(func() {
		key := u.text()
		out[key] = item()
	})
	return out
}

func (u *unpacker) answers() *answers {
	a := &answers{path: u.text(), dir: u.text(), stateDir: u.text(), requireVariables: u.truth()}
	u.list(func() { a.vars = append(a.vars, Assignment{Name: u.text(), Value: u.text(), File: u.text()}) })
	u.list(func() { a.profiles = append(a.profiles, u.text()) })
	a.ports = unpackTable(u, func() int { return int(u.number()) })
	a.host = Host{CPUs: int(u.number()), Memory: u.number(), Limit: u.number(), Hostname: u.text()}
	a.superuser = u.truth()
	u.list(func() { a.environ = append(a.environ, u.text()) })
	u.list(func() { a.patterns = append(a.patterns, u.text()) })
	a.env = unpackTable(u, func() envAnswer { return envAnswer{value: u.text(), set: u.truth()} })
	a.files = unpackTable(u, func() fileAnswer { return fileAnswer{data: u.data(), err: u.failure()} })
	a.dirs = unpackTable(u, func() dirAnswer {
		var d dirAnswer
		u.list(func() { d.entries = append(d.entries, entryAnswer{name: u.text(), kind: u.mode()}) })
		d.err = u.failure()
		return d
	})
	a.stats = unpackTable(u, func() statAnswer {
		return statAnswer{size: u.number(), mode: u.mode(), err: u.failure()}
	})
	a.accounts = unpackTable(u, u.failure)
	return a
}
