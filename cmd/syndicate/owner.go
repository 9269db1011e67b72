package main

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/syndicate/syndicate/api/client"
)

// byOwner is this command line as the user gives it whose engine, or whose
// state directory, the user me may not use; empty where that is not what failed.
func (s *session) byOwner(err error, me int) string {
	owner, ok := ownerOf(s.withheldPath(err))
	if !ok || owner == me || me == 0 {
		return ""
	}
	words := []string{"sudo"}
	if owner != 0 {
		words = append(words, "-u", userName(owner))
	}
	return strings.Join(words, " ") + " " + s.command(s.words...)
}

// withheldPath is the path in a state directory that an error says this user
// may not use, else empty.
func (s *session) withheldPath(err error) string {
	if forbidden, ok := errors.AsType[*client.ForbiddenError](err); ok {
		return forbidden.StateDir
	}
	refused, ok := errors.AsType[*fs.PathError](err)
	if !ok || !errors.Is(refused, fs.ErrPermission) {
		return ""
	}
	path, err := filepath.Abs(refused.Path)
	if err != nil {
		return ""
	}
	for dir := path; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if named, err := filepath.Abs(s.stateDir); filepath.Base(dir) == ".syndicate" || s.stateDir != "" && err == nil && dir == named {
			return path
		}
	}
	return ""
}

// ownerOf finds whose a path is, or the directory above it that hides it.
func ownerOf(path string) (uid int, ok bool) {
	for ; path != "" && path != "."; path = filepath.Dir(path) {
		info, err := os.Lstat(path)
		if err != nil && path != filepath.Dir(path) {
			continue
		}
		if err != nil {
			return 0, false
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return 0, false
		}
		return int(st.Uid), true
	}
	return 0, false
}

// userName is the name of a user, or #UID, as sudo takes it.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "'#" + strconv.Itoa(uid) + "'"
}
