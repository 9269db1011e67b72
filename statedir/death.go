package statedir

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// deathName is the file with the last death of a holder that somebody saw.
const deathName = "died.json"

// death says when the holder with a life died.
type death struct {
	FormatVersion string    `json:"format_version"`
	Life          string    `json:"life"`
	At            time.Time `json:"at"`
}

// NoteDeath notes that the holder of a directory has died, for [Died]. It is
// called by what outlives a holder, which has nobody to tell of an error.
func NoteDeath(dir, life string, at time.Time) {
	if data, err := json.Marshal(death{formatVersion, life, at}); err == nil {
		_ = os.WriteFile(filepath.Join(dir, deathName), append(data, '\n'), 0o600)
	}
}

// Died returns when the holder with a life died; ok is false where nobody saw
// it, or the note cannot be read.
func Died(dir, life string) (at time.Time, ok bool) {
	var d death
	found, err := ReadJSON(dir, deathName, &d)
	if err != nil || !found || life == "" || d.Life != life {
		return time.Time{}, false
	}
	return d.At, true
}
