package process

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// ErrNotRoot is part of the error of a Command that names another user
// than the engine's own while the engine does not run as root.
var ErrNotRoot = errors.New("only root can start processes as another user")

// credential resolves user and group. It is nil where nothing changes.
func credential(userName, groupName string) (*syscall.Credential, error) {
	if userName == "" && groupName == "" {
		return nil, nil
	}
	uid, gid := os.Geteuid(), os.Getegid()
	var groups []uint32
	sameGroups := true
	if userName != "" {
		account, err := lookupUser(userName)
		if err != nil {
			return nil, err
		}
		uid, gid = account.uid, account.gid
		groups, sameGroups = account.groups, false
	}
	if groupName != "" {
		number, err := lookupGroup(groupName)
		if err != nil {
			return nil, err
		}
		gid = number
	}
	if uid == os.Geteuid() && gid == os.Getegid() && (sameGroups || uid == 0 || os.Geteuid() != 0) {
		return nil, nil
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("start as user %q, group %q: %w: this engine runs as uid %d", userName, groupName, ErrNotRoot, os.Geteuid())
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups, NoSetGroups: sameGroups}, nil
}

// account is what a user name resolves to.
type account struct {
	uid, gid int
	groups   []uint32
}

// lookupUser accepts a name or a number; a number needs no entry in the
// user database and then has its own number as group.
func lookupUser(name string) (account, error) {
	entry, err := user.Lookup(name)
	if err != nil {
		number, numeric := parseID(name)
		if !numeric {
			return account{}, fmt.Errorf("no user named %q on this machine: create it, or write a user that exists or a number", name)
		}
		if entry, err = user.LookupId(name); err != nil {
			return account{uid: number, gid: number}, nil
		}
	}
	uid, okUser := parseID(entry.Uid)
	gid, okGroup := parseID(entry.Gid)
	if !okUser || !okGroup {
		return account{}, fmt.Errorf("user %q has the ids %q and %q, which are no numbers", name, entry.Uid, entry.Gid)
	}
	found := account{uid: uid, gid: gid}
	ids, err := entry.GroupIds()
	if err != nil {
		return account{}, fmt.Errorf("read the groups of user %q: %w", name, err)
	}
	for _, id := range ids {
		if number, ok := parseID(id); ok {
			found.groups = append(found.groups, uint32(number))
		}
	}
	return found, nil
}

// lookupGroup accepts a name or a number.
func lookupGroup(name string) (int, error) {
	if entry, err := user.LookupGroup(name); err == nil {
		if number, ok := parseID(entry.Gid); ok {
			return number, nil
		}
	}
	if number, ok := parseID(name); ok {
		return number, nil
	}
	return 0, fmt.Errorf("no group named %q on this machine: create it, or write a group that exists or a number", name)
}

func parseID(text string) (int, bool) {
	number, err := strconv.ParseUint(text, 10, 31)
	return int(number), err == nil
}
