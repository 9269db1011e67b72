// Package textfile reads files that people write: whole, and never without
// end. What is no regular file (a named pipe that nobody writes to, a device
// that never ends) is an error at once.
package textfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// TooLargeError says that a file has more bytes than are read.
type TooLargeError struct {
	Size, Most int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("it has %d bytes, and at most %d MiB are read", e.Size, e.Most>>20)
}

// KindError says that a file is no regular one.
type KindError struct {
	Mode fs.FileMode
}

func (e *KindError) Error() string {
	what := "of another kind"
	switch {
	case e.Mode.IsDir():
		what = "a directory"
	case e.Mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	case e.Mode&fs.ModeSocket != 0:
		what = "a socket"
	case e.Mode&fs.ModeDevice != 0:
		what = "a device"
	}
	return "it is " + what + ", and only regular files are read"
}

// Check says why a file is not read: a *KindError or *TooLargeError, or nil.
func Check(info fs.FileInfo, most int64) error {
	switch {
	case !info.Mode().IsRegular():
		return &KindError{info.Mode()}
	case info.Size() > most:
		return &TooLargeError{info.Size(), most}
	}
	return nil
}

// Read returns the content of a regular file of at most so many bytes. Links
// are followed. An error is an *fs.PathError, of what Check says among others.
func Read(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	refuse := func(err error) error { return &fs.PathError{Op: "read", Path: path, Err: err} }
	if err := Check(info, most); err != nil {
		return nil, refuse(err) // opening a device may do something
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may have become a pipe
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := Check(info, most); err != nil {
		return nil, refuse(err)
	}
	data := make([]byte, 0, min(info.Size(), most)+1)
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > most: // it grows, or does not know its size
			return nil, refuse(&TooLargeError{int64(len(data)), most})
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}
