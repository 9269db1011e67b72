package plan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// fileFormat is what the first field of every plan file says, and
// FileVersion the version of what stands behind it.
const (
	fileFormat  = "syndicate plan file"
	FileVersion = "1.0"
)

// File is a plan with what it was made from, so that later one can tell
// whether it still is what would be done. It holds digests and no contents:
// whoever has it cannot read the configuration from it.
type File struct {
	// Key names the key of the digests, without telling it: digests of two
	// keys cannot be compared.
	Key string `json:"key"`
	// Offline is whether databases that run elsewhere were not asked.
	Offline bool    `json:"offline"`
	Inputs  []Input `json:"inputs"`
	State   State   `json:"state"`
	Plan    *Plan   `json:"plan"`
}

// Input is one thing that a plan was made from: a file, the answer to env(),
// a variable. Digest is keyed wherever the content may be secret.
type Input struct {
	Kind   string `json:"kind"` // in words: configuration file, environment variable, …
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// String names the input in a sentence.
func (i Input) String() string { return i.Kind + " " + i.Name }

// NewInput makes the input of a content.
func NewInput(key []byte, kind, name string, content []byte) Input {
	return Input{Kind: kind, Name: name, Digest: newDigester("", key).mark(kind, name, string(content))}
}

// State is what a plan was made against.
type State struct {
	Running bool        `json:"running"`
	Units   []UnitState `json:"units,omitempty"` // in order of ID
	Ledgers []Applied   `json:"ledgers,omitempty"`
}

// UnitState is what counts of a unit that runs.
type UnitState struct {
	ID     string `json:"id"`
	Digest string `json:"digest"` // of all that a plan compares
	State  string `json:"state"`  // running, waiting, stopped, failed
	Held   string `json:"held,omitempty"`
}

// Applied is what is known of a database's migrations.
type Applied struct {
	Step    string `json:"step"`
	Known   bool   `json:"known"`
	Version uint64 `json:"version"`
	Dirty   bool   `json:"dirty,omitempty"`
	Pending int    `json:"pending"`
}

// NewFile binds a plan to what it was made from.
func NewFile(p *Plan, facts Facts, offline bool, inputs []Input) *File {
	f := &File{Key: newDigester("", facts.Key).mark(fileFormat), Offline: offline, Inputs: slices.Clone(inputs), Plan: p}
	slices.SortFunc(f.Inputs, Input.compare)
	for _, s := range p.Steps {
		if l := s.Ledger; l != nil {
			f.State.Ledgers = append(f.State.Ledgers, Applied{
				Step: s.ID, Known: l.Source != LedgerUnknown, Version: l.Version, Dirty: l.Dirty, Pending: len(s.Files),
			})
		}
	}
	slices.SortFunc(f.State.Ledgers, func(a, b Applied) int { return strings.Compare(a.Step, b.Step) })
	if facts.Running == nil {
		return f
	}
	f.State.Running = true
	for _, u := range facts.Running.Units {
		content := strings.Join(slices.Concat([]string{u.Digest, u.RunDigest}, u.Needs), "\n")
		f.State.Units = append(f.State.Units, UnitState{ID: u.ID, Digest: digestOf([]byte(content)), State: condition(&u), Held: u.Held})
	}
	slices.SortFunc(f.State.Units, func(a, b UnitState) int { return strings.Compare(a.ID, b.ID) })
	return f
}

// condition is the part of a unit's state that a plan depends on.
func condition(u *RunningUnit) string {
	switch {
	case u.Held != "" || u.State == "stopped":
		return "stopped"
	case u.State == "failed":
		return "failed"
	case u.State == "blocked":
		return "blocked"
	case u.idle():
		return "waiting"
	}
	return "running"
}

func (i Input) compare(other Input) int {
	return cmp.Or(strings.Compare(i.Kind, other.Kind), strings.Compare(i.Name, other.Name))
}

// envelope is the outer form of a plan file. The sum is that of the content
// without white space.
type envelope struct {
	Format        string          `json:"format"`
	FormatVersion string          `json:"format_version"`
	Sum           string          `json:"sum"`
	Content       json.RawMessage `json:"content"`
}

// Encode returns the bytes of the file.
func (f *File) Encode() ([]byte, error) {
	content, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode plan file: %w", err)
	}
	data, err := json.MarshalIndent(envelope{fileFormat, FileVersion, digestOf(content), content}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode plan file: %w", err)
	}
	return append(data, '\n'), nil
}

// The errors of what is no plan file that this version reads.
var (
	ErrNoPlanFile = errors.New("it is no plan file")
	errDamaged    = errors.New("the plan file is damaged or was edited")
)

// IsFile reports whether data begin a plan file, of whatever version and
// even a damaged one.
func IsFile(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	for _, want := range []json.Token{json.Delim('{'), "format", fileFormat} {
		if got, err := d.Token(); err != nil || got != want {
			return false
		}
	}
	return true
}

// DecodeFile reads what Encode wrote.
func DecodeFile(data []byte) (*File, error) {
	if !IsFile(data) {
		return nil, ErrNoPlanFile
	}
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, errDamaged
	}
	if major, _, _ := strings.Cut(e.FormatVersion, "."); major != FileVersion[:strings.IndexByte(FileVersion, '.')] {
		return nil, fmt.Errorf("the plan file has format version %q, and this version of syndicate reads %s", e.FormatVersion, FileVersion)
	}
	var content bytes.Buffer
	if err := json.Compact(&content, e.Content); err != nil || digestOf(content.Bytes()) != e.Sum {
		return nil, errDamaged
	}
	f := new(File)
	if err := json.Unmarshal(e.Content, f); err != nil || f.Plan == nil {
		return nil, errDamaged
	}
	return f, nil
}
