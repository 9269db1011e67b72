package pg

import (
	"regexp"
	"strings"
	"sync"
)

// complaint is one way in which PostgreSQL's programs say why they cannot
// run, and what to do about it.
type complaint struct {
	pattern string // a regular expression
	remedy  string
	lasting bool // a server that is started again says the same
}

// diskFull is what PostgreSQL and the system call it.
const diskFull = `No space left on device`

// complaints are compiled when a server has failed: every command would pay
// for it otherwise.
var complaints = []complaint{
	{`database files are incompatible with server|initialized by PostgreSQL version`,
		"the data belong to another major version: declare that one, or move the data by db dump and db restore", true},
	{`has invalid permissions|Permissions should be u=rwx`,
		"take others' permissions from the data directory: chmod 0700", false},
	{`lock file "postmaster\.pid" already exists|lock file .* already exists`,
		"another server runs on this data directory: stop it in good order (kill -INT, to the process that the line names)", false},
	{`pre-existing shared memory block .* is still in use`,
		"processes of a server that was killed still run: wait for them, or end them with kill -QUIT", false},
	{`could not bind .* Address already in use|could not create any TCP/IP sockets|Is another postmaster already running on port`,
		`the port is taken: stop what listens there, or write another port, or port = "auto"`, false},
	{`Unix-domain socket path .* is too long`,
		"the socket's directory has too long a name: choose a shorter state_dir", false},
	{`"root" execution of the PostgreSQL server is not permitted|cannot be run as root`,
		"PostgreSQL refuses to run as root: name another user in managed { user = … }", false},
	{`could not (access|change permissions of|create) directory .*: Permission denied|could not change directory .*: Permission denied`,
		"the server's user may not enter a directory above the data: let everybody pass through (chmod o+x), or choose another data_dir", false},
	{diskFull, "the disk is full: free some space, or choose a data_dir elsewhere", false},
	{`could not (map anonymous shared memory|create shared memory segment|resize shared memory segment)`,
		"there is not enough shared memory: lower shared_buffers, or give the container a larger /dev/shm", false},
	{`unrecognized configuration parameter|invalid value for parameter|parameter .* cannot be changed|outside the valid range`,
		"correct the setting in managed { settings = … }", true},
	{`could not access file ".*": No such file or directory`,
		"a library named in shared_preload_libraries is not installed: install its package, or leave it out", true},
	{`invalid locale|locale name|could not create locale`,
		"the locale C.UTF-8 is not installed on this machine: install the system's locales", false},
	{`could not locate a valid checkpoint record|invalid primary checkpoint record|database system was interrupted while in recovery`,
		"the data are damaged: restore a backup into an empty data_dir", false},
	{`error while loading shared libraries`,
		"PostgreSQL's installation is not complete: install its package again", true},
}

// severityRE finds the lines that say why a program ends.
var severityRE = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(FATAL|PANIC|initdb: error|error while loading|"root" execution|cannot be run as root|postgres: could not)[^:]*:?\s*(.*)`)
})

// Diagnose reads the last lines that a server, or initdb, wrote, and says in
// one error why it ended and what to do. It returns nil where no line tells.
// FATAL lines of a server also come from refused clients, so it is only for
// one that has ended.
func Diagnose(lines []string) *Error {
	for i := len(lines) - 1; i >= 0; i-- {
		m := severityRE().FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		e := &Error{Op: "run PostgreSQL", Reason: strings.TrimSpace(lines[i][strings.Index(lines[i], m[0]):])}
		// The reason may stand in the lines around: a LOG line before
		// (could not bind), a DETAIL or HINT line after.
		around := lines[max(0, i-4):min(len(lines), i+4)]
		for _, near := range [][]string{lines[i : i+1], around} {
			text := strings.Join(near, "\n")
			for _, c := range complaints {
				if regexp.MustCompile(c.pattern).MatchString(text) {
					e.Remedy, e.lasting, e.outside = c.remedy, c.lasting, c.pattern == diskFull
					return e
				}
			}
		}
		for _, line := range lines[i+1 : min(len(lines), i+4)] {
			if _, hint, ok := strings.Cut(line, "HINT:"); ok {
				e.Remedy = strings.TrimSpace(hint)
			}
		}
		return e
	}
	return nil
}
