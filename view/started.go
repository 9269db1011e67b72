package view

import (
	"fmt"
	"io"
)

// Started says what init wrote, and what to do next.
func Started(w io.Writer, path, validate, up string) error {
	_, err := fmt.Fprintf(w, "Wrote %s. Next:\n  %s\n  %s\n", printable(path), printable(validate), printable(up))
	return err
}
