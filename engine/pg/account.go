package pg

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the operating-system user that a server runs as.
type account struct {
	name     string // "" : this process's own
	uid, gid int
	other    bool // not this process's own
}

// serverAccount returns who runs the server where this process is uid. Root,
// which PostgreSQL refuses to run as, takes the declared user, else
// "postgres"; everybody else can only be themselves, and the declared user
// is meant for where root is.
func serverAccount(declared string, uid int) (account, error) {
	const op = "choose the server's user"
	if uid != 0 {
		return account{uid: uid, gid: os.Getegid()}, nil
	}
	name := cmp.Or(declared, "postgres")
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return account{}, &Error{
			Op: op, Reason: fmt.Sprintf("there is no user %q", name),
			Remedy: fmt.Sprintf("create it: useradd --system --no-create-home %s; or name another in managed { user = … }", name),
			cause:  err,
		}
	}
	a := account{name: u.Username}
	var err1, err2 error
	a.uid, err1 = strconv.Atoi(u.Uid)
	a.gid, err2 = strconv.Atoi(u.Gid)
	a.other = true
	switch {
	case cmp.Or(err1, err2) != nil:
		return account{}, fmt.Errorf("%s: user %s has no numeric id", op, name)
	case a.uid == 0:
		return account{}, &Error{Op: op, Reason: "PostgreSQL refuses to run as root", Remedy: "name another in managed { user = … }"}
	}
	return a, nil
}

// chown gives path to the account, where that is not this process's own.
func (a account) chown(path string) error {
	if !a.other {
		return nil
	}
	return os.Chown(path, a.uid, a.gid)
}

// owns reports whether the file is the account's.
func (a account) owns(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(st.Uid) == a.uid
}

// reach reports the first directory, from the root down to dir, that the
// account may not search. Without that, PostgreSQL's programs fail late and
// with a text that names only the last one.
func (a account) reach(dir string) error {
	if !a.other {
		return nil
	}
	var path []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		path = append(path, d)
		if d == filepath.Dir(d) {
			break
		}
	}
	for i := len(path) - 1; i >= 0; i-- {
		info, err := os.Stat(path[i])
		if err != nil {
			return err
		}
		if !a.mayStep(info) {
			return &Error{
				Op:     "reach " + dir,
				Reason: fmt.Sprintf("the server runs as %q, who may not enter %s (%s)", a.name, path[i], info.Mode().Perm()),
				Remedy: fmt.Sprintf("let everybody pass through: chmod o+x %s; or choose another data_dir", path[i]),
			}
		}
	}
	return nil
}

// mayStep reports whether the account may search a directory, by its mode.
func (a account) mayStep(info fs.FileInfo) bool {
	mode := info.Mode().Perm()
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return true
	case int(st.Uid) == a.uid:
		return mode&0o100 != 0
	case int(st.Gid) == a.gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

// DataDir returns where a managed server's data are kept when no data_dir is
// declared. Under root that is outside stateDir, since the server runs as
// another user, who must be able to search every directory above it.
func DataDir(stateDir, name string, root bool) string {
	if root {
		return filepath.Join("/var/lib/syndicate", shortHash(filepath.Clean(stateDir)), name)
	}
	return filepath.Join(stateDir, "pg", name)
}

// shortHash returns 12 hexadecimal digits that stand for text.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
