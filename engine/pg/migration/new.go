package migration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Next names a pair of files that do not exist, with the version that follows
// in the numbering that the directory has: a sequence of some width, times of
// the form 20060102150405, or seconds since 1970. An empty directory begins a
// sequence of six digits. now is the time, in UTC.
func Next(dir, name string, now time.Time) (File, error) {
	clean := cleanName(name)
	if clean == "" {
		return File{}, fmt.Errorf("create a migration: %q contains no letter or digit: name it after what it does, such as add_email", name)
	}
	files, problems := Files(dir)
	if hasErrors(problems) {
		return File{}, &ProblemsError{Problems: problems}
	}
	text, err := nextVersion(files, now)
	if err != nil {
		return File{}, err
	}
	version, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return File{}, fmt.Errorf("create a migration: no version follows %d", files[len(files)-1].Version)
	}
	f := File{Version: version, Name: clean}
	f.Up, f.Down = filepath.Join(dir, text+"_"+clean+".up.sql"), filepath.Join(dir, text+"_"+clean+".down.sql")
	return f, nil
}

// Create makes both files, empty.
func (f File) Create() error {
	for _, path := range []string{f.Up, f.Down} {
		if err := create(path); err != nil {
			if path == f.Down { // half a pair would be an error of the directory
				err = errors.Join(err, os.Remove(f.Up))
			}
			return fmt.Errorf("create a migration: %w", err)
		}
	}
	return nil
}

// create makes an empty file, and overwrites none.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	return f.Close()
}

// nextVersion continues the numbering of files.
func nextVersion(files []File, now time.Time) (string, error) {
	if len(files) == 0 {
		return "000001", nil
	}
	last := files[len(files)-1]
	digits, _, _ := strings.Cut(filepath.Base(last.Up), "_")
	const stamp = "20060102150405"
	if _, err := time.Parse(stamp, digits); err == nil {
		return later(now.Format(stamp), digits), nil
	}
	if at := time.Unix(int64(last.Version), 0); len(digits) == 10 && at.Year() >= 2005 && at.Before(now.Add(24*time.Hour)) {
		return later(strconv.FormatInt(now.Unix(), 10), digits), nil
	}
	return fmt.Sprintf("%0*d", len(digits), last.Version+1), nil
}

// later is the time of now, or just after the last one where a file is from
// the future.
func later(now, last string) string {
	if now > last {
		return now
	}
	n, err := strconv.ParseUint(last, 10, 63)
	if err != nil {
		return now
	}
	return strconv.FormatUint(n+1, 10)
}

var notName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[^a-z0-9]+`)
})

// cleanName makes a file's name of what a person calls the change.
func cleanName(name string) string {
	return strings.Trim(notName().ReplaceAllString(strings.ToLower(name), "_"), "_")
}
