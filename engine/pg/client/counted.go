package client

import (
	"io"
	"os"
	"sync/atomic"
)

// counted counts what passes, or measures the file that a program writes by
// itself.
type counted struct {
	to    io.Writer
	bytes atomic.Int64
}

// Write implements io.Writer.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// file returns what is written to where that is a file on disk, else nil.
func (c *counted) file() *os.File {
	f, ok := c.to.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return f
}

// size returns how many bytes there are so far.
func (c *counted) size() int64 {
	if f := c.file(); f != nil {
		if info, err := f.Stat(); err == nil {
			return info.Size()
		}
	}
	return c.bytes.Load()
}
