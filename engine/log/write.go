package log

import (
	"bytes"
	"fmt"
	"time"
)

// write stores data of one stream and hands it to the merger. Data is whole
// lines, or ends with an unfinished one. It never fails: what cannot be
// stored is counted and dropped.
func (l *Log) write(s *stream, data []byte) {
	l.mu.Lock()
	now := time.Now()
	if m := l.config.Merger; m != nil {
		m.deliver(l, s, data, now)
	}
	l.store(s, data, now)
	l.wake()
	l.unlock()
}

// store writes data to the file, rotating where it must. Called with mu held.
func (l *Log) store(s *stream, data []byte, now time.Time) {
	l.bound()
	if err := l.prepare(s, now); err != nil {
		l.lose(s, data, err)
		return
	}
	if l.loss.Err != nil {
		l.recover(s, data, now)
		return
	}
	for len(data) > 0 {
		n := l.fit(data)
		if n == 0 {
			l.rotate()
			continue
		}
		if l.midline > 0 && l.owner != s {
			if err := l.part(now); err != nil {
				l.lose(s, data, err)
				return
			}
		}
		rec := s.record(data[:n], now)
		written, err := l.file.write([]record{rec}, data[:n], false)
		l.wrote(s, data[:written])
		if err != nil {
			l.lose(s, data[written:], err)
			return
		}
		data = data[n:]
	}
}

// prepare opens the file and marks the beginning of a run.
func (l *Log) prepare(s *stream, now time.Time) error {
	if l.file == nil {
		if l.closed {
			return ErrClosed
		}
		f, unfinished, err := openFile(l.base, l.config.Keep)
		if err != nil {
			return err
		}
		l.file, l.owner, l.midline = f, nil, 0
		if unfinished {
			l.midline = 1
		}
	}
	if s != nil && !s.capture.started {
		s.capture.started = true
		if l.midline > 0 && l.loss.Err == nil {
			if err := l.part(now); err != nil {
				s.capture.started = false
				return err
			}
		}
		l.file.mark(runBegin, now, false)
		l.run = position{l.gen, l.file.size}
		s.capture.begin = l.run
	}
	return nil
}

// record describes data that s is about to write.
func (s *stream) record(data []byte, now time.Time) record {
	r := record{time: now.UnixNano(), length: uint32(len(data)), stream: s.kind}
	if s.within {
		r.flags |= continued
	}
	if data[len(data)-1] != '\n' {
		r.flags |= unended
	}
	return r
}

// wrote keeps account of the line that the file ends with.
func (l *Log) wrote(s *stream, data []byte) {
	if len(data) == 0 {
		return
	}
	end := bytes.LastIndexByte(data, '\n') + 1
	switch {
	case end == len(data):
		l.midline, l.owner = 0, nil
		s.within = false
	case end > 0:
		l.midline, l.owner = int64(len(data)-end), s
		s.within = true
	default:
		l.midline += int64(len(data))
		l.owner, s.within = s, true
	}
}

// part ends the unfinished line in the file, so that another line can follow.
func (l *Log) part(now time.Time) error {
	rec := record{time: now.UnixNano(), length: 1, stream: Engine, flags: parting}
	if _, err := l.file.write([]record{rec}, []byte{'\n'}, true); err != nil {
		return err
	}
	l.midline, l.owner = 0, nil
	return nil
}

// fit returns how many bytes of data belong into the current file: as many
// whole lines as it has room for, at least one in an empty file, and always
// the rest of a line that it holds the beginning of. 0 asks for a new file.
func (l *Log) fit(data []byte) int {
	limit := max(l.config.MaxSize, l.noRotate)
	room := limit - l.file.size
	if int64(len(data)) <= room {
		return len(data)
	}
	if room > 0 {
		if n := bytes.LastIndexByte(data[:room], '\n') + 1; n > 0 {
			return n
		}
	}
	if l.file.size > 0 && (l.midline == 0 || l.midline >= MaxLine) {
		return 0
	}
	if n := bytes.IndexByte(data, '\n') + 1; n > 0 && n <= MaxLine {
		return n
	}
	return min(len(data), MaxLine)
}

// rotate begins a new file. Where that fails, the current one grows on.
func (l *Log) rotate() {
	if err := l.file.rotate(); err != nil {
		l.noRotate = l.file.size + l.config.MaxSize
		l.reports = append(l.reports, fmt.Errorf("log of %s: %w", l.config.Unit, err))
		return
	}
	l.begun()
}

// begun notes that there is a new file.
func (l *Log) begun() {
	l.gen++
	l.noRotate, l.midline, l.owner = 0, 0, nil
}

// lose counts what could not be written.
func (l *Log) lose(s *stream, data []byte, err error) {
	if l.loss.Err == nil {
		l.loss = LossError{Unit: l.config.Unit, Err: err}
		first := l.loss
		l.reports = append(l.reports, &first)
		l.again = time.AfterFunc(l.quiet, l.retry)
	}
	l.lost = time.Now()
	l.loss.Lines += int64(bytes.Count(data, []byte{'\n'}))
	l.loss.Bytes += int64(len(data))
	if s != nil && len(data) > 0 {
		s.within = data[len(data)-1] != '\n'
	}
}

// lossQuiet is how long nothing may come, of what cannot be written, before it is
// looked whether it can be by now: nobody else tells.
const lossQuiet = 5 * time.Second

// retry ends a loss where no line comes that would.
func (l *Log) retry() {
	l.mu.Lock()
	now := time.Now()
	if l.loss.Err != nil && !l.closed {
		if now.Sub(l.lost) >= l.quiet && l.prepare(nil, now) == nil {
			l.recover(nil, nil, now)
		}
		l.wake()
	}
	if l.loss.Err != nil && !l.closed {
		l.again.Reset(l.quiet)
	}
	l.unlock()
}

// recover tries to write again, after a failure: a note of what was lost and
// the data behind it, both or nothing.
func (l *Log) recover(s *stream, data []byte, now time.Time) {
	if l.file.size > 0 && l.file.size+int64(len(data)) > max(l.config.MaxSize, l.noRotate) {
		l.rotate()
	}
	note := fmt.Appendf(nil, "[syndicate] %s lines (%s bytes) of this output are missing here: %v\n",
		group(l.loss.Lines), group(l.loss.Bytes), l.loss.Err)
	if l.midline > 0 {
		note = append([]byte{'\n'}, note...)
	}
	recs := []record{{time: now.UnixNano(), length: uint32(len(note)), stream: Engine}}
	if l.midline > 0 {
		recs[0].length--
		recs = append([]record{{time: now.UnixNano(), length: 1, stream: Engine, flags: parting}}, recs...)
	}
	if len(data) > 0 {
		recs = append(recs, s.record(data, now))
	}
	if _, err := l.file.write(recs, append(note, data...), true); err != nil {
		l.lose(s, data, err)
		return
	}
	l.midline, l.owner = 0, nil
	if len(data) > 0 {
		l.wrote(s, data)
	}
	over := l.loss
	over.Over = true
	l.reports = append(l.reports, &over)
	l.loss = LossError{}
}
