package log_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/syndicate/syndicate/engine/log"
)

// benchBlock is what a busy service writes at once: 655 lines of 100 bytes.
var benchBlock = bytes.Repeat(append(bytes.Repeat([]byte("x"), 99), '\n'), 655)

// BenchmarkThrough is the way of a busy stream's bytes through the log, and
// beside it the same through a loop that only copies, as cat does.
func BenchmarkThrough(b *testing.B) {
	b.Run("log", func(b *testing.B) {
		l, _ := newLog(b, func(c *log.Config) { c.MaxSize = 1 << 40 })
		cap := attach(b, l)
		b.SetBytes(int64(len(benchBlock)))
		for b.Loop() {
			if _, err := cap.Stdout.Write(benchBlock); err != nil {
				b.Fatal(err)
			}
		}
		end(b, cap)
	})
	b.Run("copy", func(b *testing.B) {
		r, w, err := os.Pipe()
		if err != nil {
			b.Fatal(err)
		}
		_, _ = r.Fd(), w.Fd()
		f, err := os.Create(filepath.Join(b.TempDir(), "copy"))
		if err != nil {
			b.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{r}, make([]byte, 128<<10))
			done <- err
		}()
		b.SetBytes(int64(len(benchBlock)))
		for b.Loop() {
			if _, err := w.Write(benchBlock); err != nil {
				b.Fatal(err)
			}
		}
		_ = w.Close()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		_ = f.Close()
	})
}
