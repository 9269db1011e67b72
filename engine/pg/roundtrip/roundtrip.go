package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/catalog"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
)

// Config says what to verify, and where.
type Config struct {
	Files []migration.File
	// Admin may create databases and roles on a server whose data are thrown
	// away. Its database is not touched.
	Admin pg.Endpoint
	// User is the role that the files run as, and the name of the database
	// that they see. It owns that database, which Verify creates and drops.
	User pg.Endpoint
	// Extensions are created by Admin before the first file.
	Extensions []string
	// Borrowed says that the server is somebody's, and only the database is
	// thrown away: files that reach beyond it are refused before anything
	// runs, and of the server's roles only those are dropped that were made
	// here. Admin needs CREATEDB.
	Borrowed bool
	// Progress is told of each step as it begins. nil drops it.
	Progress func(Step)
}

// Step is where Verify is.
type Step struct {
	File   migration.File
	Number int // of File, from 1
	Of     int
	Text   string // up, down, up again, all the way down
}

// Result is what Verify found.
type Result struct {
	Files []FileResult
	// Roles are those that the files name and that were made for them.
	Roles []string
	Major int // version of PostgreSQL
	Took  time.Duration
}

// FileResult is how one file fared.
type FileResult struct {
	File     migration.File
	Verified bool // it went up, down and up again; false after a file that does not go up
	Findings []Finding
}

// OK reports whether no file has an error.
func (r *Result) OK() bool {
	return !slices.ContainsFunc(r.Files, func(f FileResult) bool {
		return !f.Verified || slices.ContainsFunc(f.Findings, func(f Finding) bool { return f.Severity == spec.Error })
	})
}

// Finding is something that does not work about one file.
type Finding struct {
	Code     string        `json:"code"` // for `syndicate explain`
	Severity spec.Severity `json:"severity"`
	Path     string        `json:"path"`
	Line     int           `json:"line,omitempty"`   // from 1; 0: the file as a whole
	Column   int           `json:"column,omitempty"` // from 1; 0: the whole line
	Text     string        `json:"text"`
	// Differences are the sentences that tell the schemas apart.
	Differences []string `json:"differences,omitempty"`
	Advice      string   `json:"advice,omitempty"`
}

// The codes of findings. A code keeps its meaning for ever.
const (
	CodeUp        = "V101" // the up file fails
	CodeNoDown    = "V102" // there is no down file
	CodeDown      = "V103" // the down file fails
	CodeLeft      = "V104" // the down file does not undo the up file
	CodeAgain     = "V105" // the up file fails after the down file
	CodeOther     = "V106" // the second up makes another schema than the first
	CodeOrder     = "V107" // columns come back in another order
	CodeAllDown   = "V108" // what each file undoes by itself they do not undo together
	CodeTruncated = "V109" // a file leaves a transaction open
)

// verifier does it.
type verifier struct {
	cfg     Config
	scratch *scratch
	result  Result
	current *FileResult
	number  int
}

// Verify sends every file up, down and up again. What is wrong with the files
// is in the result; the error is of everything else, such as a server that
// went away. It leaves no database behind but where that is so.
func Verify(ctx context.Context, cfg Config) (result *Result, err error) {
	if cfg.Progress == nil {
		cfg.Progress = func(Step) {}
	}
	start := time.Now()
	if cfg.Borrowed {
		if err := withinDatabase(cfg.Files); err != nil {
			return nil, err
		}
	}
	v := &verifier{cfg: cfg, scratch: &scratch{cfg: cfg}}
	defer func() { err = errors.Join(err, v.scratch.close()) }()
	if err := v.scratch.open(ctx); err != nil {
		return nil, err
	}
	if err := v.files(ctx); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("verify the migrations: %w", context.Cause(ctx))
		}
		return nil, err
	}
	v.result.Major = v.scratch.major
	v.result.Roles, v.result.Took = v.scratch.roles, time.Since(start)
	return &v.result, nil
}

// files verifies one after another, and then all of them together.
func (v *verifier) files(ctx context.Context) error {
	empty, err := v.scratch.read(ctx)
	if err != nil {
		return err
	}
	v.result.Files = make([]FileResult, len(v.cfg.Files))
	for i, f := range v.cfg.Files {
		v.result.Files[i].File = f
	}
	before := empty
	for i := range v.result.Files {
		v.current, v.number = &v.result.Files[i], i+1
		after, err := v.file(ctx, before)
		if err != nil || after == nil {
			return err
		}
		v.current.Verified = true
		before = after
	}
	if !v.result.OK() || slices.ContainsFunc(v.cfg.Files, func(f migration.File) bool { return f.Down == "" }) {
		return nil // it would only say again what was said
	}
	return v.allDown(ctx, empty)
}

// file sends one file up, down and up again. It returns the schema after it,
// nil where the file cannot be applied.
func (v *verifier) file(ctx context.Context, before *catalog.Catalog) (*catalog.Catalog, error) {
	f := v.current.File
	v.step("up")
	if failed, err := v.run(ctx, f.Up); failed != nil || err != nil {
		v.report(failed, CodeUp, "it cannot be applied", "the files after it need it, and were not looked at")
		return nil, err
	}
	after, err := v.scratch.read(ctx)
	if err != nil {
		return nil, err
	}
	v.scratch.applied = v.number
	if f.Down == "" {
		v.add(Finding{
			Code: CodeNoDown, Severity: spec.Error, Path: f.Up, Text: "it has no down file: nothing below it can be undone",
			Advice: "write the file that undoes it; where nothing can be undone, one that says so with RAISE EXCEPTION is no help: better restore a backup",
		})
		return after, nil
	}
	whole, err := v.back(ctx, before, after)
	if err == nil && !whole {
		v.step("rebuild")
		err = v.scratch.rebuild(ctx, v.cfg.Files[:v.number])
	}
	return after, err
}

// back sends a file that was just applied down and up again. It reports
// whether the database is as it was.
func (v *verifier) back(ctx context.Context, before, after *catalog.Catalog) (bool, error) {
	f := v.current.File
	v.step("down")
	if failed, err := v.run(ctx, f.Down); failed != nil || err != nil {
		v.report(failed, CodeDown, "it cannot be undone", "")
		return false, err
	}
	down, err := v.scratch.read(ctx)
	if err != nil {
		return false, err
	}
	left := catalog.Diff(before, down)
	v.compare(f.Down, CodeLeft, "it does not undo "+base(f.Up), "is left behind", "is missing", left)
	v.step("up again")
	if failed, err := v.run(ctx, f.Up); failed != nil || err != nil {
		advice := ""
		if len(left) > 0 {
			advice = "most likely for what its down file left behind or took away"
		}
		v.report(failed, CodeAgain, "it cannot be applied again after its down file", advice)
		return false, err
	}
	again, err := v.scratch.read(ctx)
	if err != nil {
		return false, err
	}
	other := catalog.Diff(after, again)
	v.compare(f.Up, CodeOther, "after its down file it makes another schema than at first", "is there at the second time only", "is missing at the second time", other)
	return len(other) == 0, nil
}

// allDown undoes everything in order.
func (v *verifier) allDown(ctx context.Context, empty *catalog.Catalog) error {
	for i := len(v.cfg.Files) - 1; i >= 0; i-- {
		v.current, v.number = &v.result.Files[i], i+1
		v.step("all the way down")
		if failed, err := v.run(ctx, v.current.File.Down); failed != nil || err != nil {
			v.report(failed, CodeAllDown, "it cannot be undone once those after it are", "")
			return err
		}
	}
	end, err := v.scratch.read(ctx)
	if err == nil && len(v.result.Files) > 0 {
		v.compare(v.current.File.Down, CodeAllDown, "with all files undone the schema is not what it was", "is left behind", "is missing", catalog.Diff(empty, end))
	}
	return err
}

func (v *verifier) step(text string) {
	v.cfg.Progress(Step{File: v.current.File, Number: v.number, Of: len(v.cfg.Files), Text: text})
}

func (v *verifier) add(f Finding) { v.current.Findings = append(v.current.Findings, f) }

// report tells of a file that failed.
func (v *verifier) report(failed *failure, code, text, advice string) {
	if failed == nil {
		return
	}
	if failed.open {
		code = CodeTruncated
	}
	v.add(Finding{
		Code: code, Severity: spec.Error, Path: failed.path, Line: failed.line, Column: failed.column,
		Text: text + ": " + failed.text, Advice: joined(failed.advice, advice),
	})
}

// compare tells how two schemas differ that should not.
func (v *verifier) compare(path, code, text, added, removed string, all []catalog.Difference) {
	var major, minor []string
	for _, d := range all {
		if d.Minor() {
			minor = append(minor, d.Say(added, removed))
		} else {
			major = append(major, d.Say(added, removed))
		}
	}
	if len(major) > 0 {
		v.add(Finding{Code: code, Severity: spec.Error, Path: path, Text: text, Differences: major})
	}
	if len(minor) > 0 {
		v.add(Finding{
			Code: CodeOrder, Severity: spec.Warning, Path: path, Text: "columns come back in another order", Differences: minor,
			Advice: "PostgreSQL adds columns at the end only; it matters to SELECT * and to INSERT without names",
		})
	}
}

func joined(first, second string) string {
	if first != "" && second != "" {
		return first + "; " + second
	}
	return first + second
}
