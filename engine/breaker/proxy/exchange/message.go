package exchange

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// MaxBody is how long the body of a request may be, in bytes. A request is
// sent before its answer is looked for: it has to fit into the memory that the
// kernel has for a connection, whether the server reads it or not.
const MaxBody = 8 << 10

// messages are requests as they are sent, with one call.
var messages = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func putBack(message *bytes.Buffer) {
	if message.Cap() <= 2*MaxBody { // longer ones are rare
		message.Reset()
		messages.Put(message)
	}
}

// write puts a request into words. An error is the request's.
func write(message *bytes.Buffer, req *http.Request) error {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Write(message)
	}
	body := source{ReadCloser: req.Body}
	copied := *req
	copied.Body = &body
	err := copied.Write(message)
	if body.err != nil {
		return body.err
	}
	return err
}

// source is a body that knows the error that it ended with, which net/http
// hides.
type source struct {
	io.ReadCloser
	err error // nil: none, or io.EOF
}

// Read implements io.Reader.
func (s *source) Read(into []byte) (int, error) {
	n, err := s.ReadCloser.Read(into)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
