package view

import (
	"fmt"
	"io"
)

// Version says which program this is.
type Version struct {
	FormatVersion string            `json:"format_version"`
	Version       string            `json:"version"`
	Revision      string            `json:"revision,omitempty"`
	Modified      bool              `json:"modified"`
	Go            string            `json:"go"`
	Platform      string            `json:"platform"`
	Formats       map[string]string `json:"formats"` // the versions of other JSON forms
}

// Text writes the version for people.
func (v Version) Text(w io.Writer) error {
	revision := ""
	if v.Revision != "" {
		revision = ", " + v.Revision[:min(len(v.Revision), 12)]
		if v.Modified {
			revision += " modified"
		}
	}
	_, err := fmt.Fprintf(w, "syndicate %s (%s, %s%s)\n", v.Version, v.Go, v.Platform, revision)
	return err
}

// JSON writes it as one object.
func (v Version) JSON(w io.Writer) error {
	return writeJSON(w, v)
}
