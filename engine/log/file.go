package log

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// file is the current pair of one unit: the log and its index. It knows
// nothing of streams and runs. Whoever holds the Log's lock may use it.
type file struct {
	base string
	keep int

	log, idx *os.File
	size     int64 // of the log
	idxSize  int64 // of the whole records in the index
	marks    []record
	scratch  []byte
}

// openFile opens or makes the pair. unfinished reports that the log ends
// within a line.
func openFile(base string, keep int) (f *file, unfinished bool, err error) {
	f = &file{base: base, keep: keep}
	if err := f.open(); err != nil {
		return nil, false, err
	}
	f.forget()
	if f.size > 0 {
		last := make([]byte, 1)
		if _, err := f.log.ReadAt(last, f.size-1); err == nil {
			unfinished = last[0] != '\n'
		}
	}
	return f, unfinished, nil
}

// open opens both files. The index comes first, so that whoever finds the
// log finds its index too.
func (f *file) open() error {
	const mode = os.O_RDWR | os.O_CREATE | os.O_APPEND
	idx, idxSize, err := openSized(numbered(f.base, idxSuffix, 0), mode)
	if err != nil {
		idx = nil // the log matters more
	}
	log, size, err := openSized(numbered(f.base, logSuffix, 0), mode)
	if err != nil {
		if idx != nil {
			_ = idx.Close()
		}
		return err
	}
	f.log, f.size, f.idx, f.idxSize = log, size, idx, 0
	if idx == nil {
		return nil
	}
	f.idxSize = idxSize - idxSize%recordSize
	last := make([]byte, recordSize)
	if f.idxSize > 0 {
		_, err := idx.ReadAt(last, f.idxSize-recordSize)
		if r, ok := decodeRecord(last); err != nil || !ok || r.end() > size {
			f.idxSize = 0 // it belongs to another log, or is damaged
		}
	}
	if f.idxSize != idxSize {
		if err := idx.Truncate(f.idxSize); err != nil {
			f.dropIndex()
		}
	}
	return nil
}

// forget removes what an earlier life kept beyond what is to be kept now.
func (f *file) forget() {
	for n := f.keep + 1; ; n++ {
		if os.Remove(numbered(f.base, logSuffix, n)) != nil {
			return
		}
		_ = os.Remove(numbered(f.base, idxSuffix, n))
	}
}

// openSized opens a file that is written to, and makes the directory where
// it is missing.
func openSized(path string, mode int) (*os.File, int64, error) {
	file, err := os.OpenFile(path, mode, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			file, err = os.OpenFile(path, mode, 0o600)
		}
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// write appends data to the log and its record to the index. Where not all
// of it could be written, it keeps the whole lines that could (none of them
// where all is set), takes the rest back and returns how much was kept.
func (f *file) write(recs []record, data []byte, all bool) (int, error) {
	n, err := f.log.Write(data)
	if err != nil {
		kept := bytes.LastIndexByte(data[:n], '\n') + 1
		if all {
			kept = 0
		}
		if f.log.Truncate(f.size+int64(kept)) != nil {
			kept = n // it stands there, for better or worse
			if info, e := f.log.Stat(); e == nil {
				kept = int(max(0, min(int64(n), info.Size()-f.size)))
			}
		}
		n = kept
	}
	offset := f.size
	f.size += int64(n)
	f.scratch = f.scratch[:0]
	for _, m := range f.marks {
		m.offset = offset
		f.scratch = m.append(f.scratch)
	}
	for _, r := range recs {
		left := f.size - offset
		if n < len(data) && int64(r.length) > left {
			r.length = uint32(left)
			r.flags &^= unended
		}
		if r.length > 0 {
			r.offset = offset
			f.scratch = r.append(f.scratch)
			offset = r.end()
		}
	}
	if n > 0 {
		f.marks = f.marks[:0]
		f.writeIndex(f.scratch)
	}
	return n, err
}

// mark makes a record without bytes. It is written with the next bytes, or
// at once.
func (f *file) mark(fl flags, at time.Time, now bool) {
	f.marks = append(f.marks, record{time: at.UnixNano(), stream: Engine, flags: fl})
	if now {
		f.scratch = f.scratch[:0]
		for _, m := range f.marks {
			m.offset = f.size
			f.scratch = m.append(f.scratch)
		}
		f.marks = f.marks[:0]
		f.writeIndex(f.scratch)
	}
}

// writeIndex appends records. The log matters more than its index: where the
// index cannot be written, its bytes stay uncovered, which readers bear.
func (f *file) writeIndex(b []byte) {
	if f.idx == nil || len(b) == 0 {
		return
	}
	if _, err := f.idx.Write(b); err == nil {
		f.idxSize += int64(len(b))
	} else if f.idx.Truncate(f.idxSize) != nil {
		f.dropIndex() // a torn record would spoil all that follow
	}
}

func (f *file) dropIndex() {
	_ = f.idx.Close()
	f.idx = nil
}

// rotate moves the pair, and every older one, to the next number and begins
// anew. Of each pair the log goes first: see openSegment. Where that fails,
// the current pair stays in use.
func (f *file) rotate() error {
	if f.keep == 0 {
		return f.restart()
	}
	last := 0 // the number that becomes free, or is given up
	for last < f.keep {
		if _, err := os.Lstat(numbered(f.base, logSuffix, last)); err != nil {
			break
		}
		last++
	}
	for n := last - 1; n >= 0; n-- {
		for _, suffix := range []string{logSuffix, idxSuffix} {
			err := os.Rename(numbered(f.base, suffix, n), numbered(f.base, suffix, n+1))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				// A pair without an index must not inherit an older one's.
				_ = os.Remove(numbered(f.base, suffix, n+1))
			case err != nil:
				return fmt.Errorf("rotate log: %w", err)
			}
		}
	}
	old := *f
	if err := f.open(); err != nil {
		f.log, f.idx, f.size, f.idxSize = old.log, old.idx, old.size, old.idxSize
		return fmt.Errorf("rotate log: %w", err)
	}
	_ = old.close()
	return nil
}

// restart removes the pair and begins anew, where no old one is kept.
func (f *file) restart() error {
	old := *f
	for _, suffix := range []string{logSuffix, idxSuffix} {
		if err := os.Remove(numbered(f.base, suffix, 0)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate log: %w", err)
		}
	}
	if err := f.open(); err != nil {
		f.log, f.idx, f.size, f.idxSize = old.log, old.idx, old.size, old.idxSize
		return fmt.Errorf("rotate log: %w", err)
	}
	return old.close()
}

func (f *file) close() error {
	err := f.log.Close()
	if f.idx != nil {
		err = errors.Join(err, f.idx.Close())
	}
	return err
}
