package log

import (
	"errors"
	"io/fs"
	"os"
	"sort"
)

// segment is one log file with its index, open for reading. The index may be
// missing, torn, or that of another file: then the log is read as plain
// lines, from there on.
type segment struct {
	log, idx *os.File // idx may be nil
	info     os.FileInfo
	size     int64 // of the log
	records  int64 // in the index

	page      []byte // the records around the last that was read
	pageFirst int64
}

// pageRecords is how many records are read at once.
const pageRecords = 128

// openSegment opens the n-th pair of a unit. Since the writer moves the log
// before its index, an index that was opened while the log still had its
// name belongs to it.
func openSegment(base string, n int) (*segment, error) {
	for {
		path := numbered(base, logSuffix, n)
		log, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		s := &segment{log: log}
		if s.idx, err = os.Open(numbered(base, idxSuffix, n)); err != nil {
			s.idx = nil
		}
		if s.info, err = log.Stat(); err != nil {
			s.close()
			return nil, err
		}
		now, err := os.Stat(path)
		if err == nil && os.SameFile(now, s.info) {
			s.refresh()
			return s, nil
		}
		s.close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

func (s *segment) close() {
	_ = s.log.Close()
	if s.idx != nil {
		_ = s.idx.Close()
	}
}

// refresh looks how far both files reach. The index comes first: what it
// covers is in the log.
func (s *segment) refresh() {
	s.records, s.page = 0, nil
	if s.idx != nil {
		if info, err := s.idx.Stat(); err == nil {
			s.records = info.Size() / recordSize
		}
	}
	if info, err := s.log.Stat(); err == nil {
		s.info, s.size = info, info.Size()
	}
}

// record returns the i-th record, and false where it is none, or reaches
// beyond the log.
func (s *segment) record(i int64) (record, bool) {
	if i < 0 || i >= s.records {
		return record{}, false
	}
	at := (i - s.pageFirst) * recordSize
	if s.page == nil || at < 0 || at >= int64(len(s.page)) {
		first := i - i%pageRecords
		page := make([]byte, pageRecords*recordSize)
		n, _ := s.idx.ReadAt(page, first*recordSize)
		s.page, s.pageFirst = page[:n-n%recordSize], first
		if at = (i - first) * recordSize; at >= int64(n) {
			return record{}, false
		}
	}
	r, ok := decodeRecord(s.page[at:])
	return r, ok && r.end() <= s.size
}

// last returns the last record.
func (s *segment) last() (record, bool) { return s.record(s.records - 1) }

// covered returns how many bytes of the log the index reaches.
func (s *segment) covered() int64 {
	r, ok := s.last()
	if !ok {
		return 0
	}
	return r.end()
}

// place is where to read on: a byte of the log, and the first record that
// does not end before it.
type place struct {
	offset int64
	record int64
}

// byOffset returns a place at or before the offset, at the start of a line
// where that is not too far away.
func (s *segment) byOffset(offset int64) place {
	if offset <= 0 {
		return place{}
	}
	i := int64(sort.Search(int(s.records), func(i int) bool {
		r, ok := s.record(int64(i))
		return ok && r.end() > offset
	}))
	for ; i > 0; i-- {
		r, ok := s.record(i)
		if ok && r.offset <= offset && r.length > 0 && r.flags&continued == 0 {
			return place{r.offset, i}
		}
		if !ok && i >= s.records {
			break // the index ends before the offset
		}
		if !ok || offset-r.offset > 4*MaxLine {
			break
		}
	}
	start := s.lineStart(offset)
	i = int64(sort.Search(int(s.records), func(i int) bool {
		r, ok := s.record(int64(i))
		return ok && r.end() > start
	}))
	return place{start, i}
}

// lineStart returns the start of the line that offset stands in, or offset
// where that is farther than MaxLine away.
func (s *segment) lineStart(offset int64) int64 {
	buf := make([]byte, min(offset, MaxLine))
	n, _ := s.log.ReadAt(buf, offset-int64(len(buf)))
	for i := n - 1; i >= 0; i-- {
		if buf[i] == '\n' {
			return offset - int64(len(buf)) + int64(i) + 1
		}
	}
	if int64(len(buf)) == offset {
		return 0
	}
	return offset
}

// since returns the place of the first record that is not older than t, in
// Unix nanoseconds. It reports false where the whole segment is older.
func (s *segment) since(t int64) (place, bool) {
	i := int64(sort.Search(int(s.records), func(i int) bool {
		r, ok := s.record(int64(i))
		return ok && r.time >= t
	}))
	if r, ok := s.record(i); ok {
		return place{r.offset, i}, true
	}
	newer := s.info.ModTime().UnixNano() >= t
	switch covered := s.covered(); {
	case newer && covered < s.size:
		return place{covered, s.records}, true
	case newer && s.records == 0:
		return place{}, s.size > 0
	}
	return place{}, false
}
