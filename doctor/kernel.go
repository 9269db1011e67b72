package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// filesPerService is how many descriptors a service takes: two pipes, a log
// file with its index, and a pidfd.
const filesPerService = 5

// filesOfEngine is what the engine itself takes.
const filesOfEngine = 64

// limits asks the kernel.
func limits() *Limits {
	var l unix.Rlimit
	out := &Limits{Superuser: os.Geteuid() == 0}
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) == nil {
		out.FilesSoft, out.FilesHard = uint64(l.Cur), uint64(l.Max)
	}
	return out
}

// kernel looks at the version: all that is promised holds on Linux 5.10.
func (e *exam) kernel() {
	if e.OS == "darwin" {
		e.find("kernel", Warning, "macOS: a process tree is held together less tightly than on Linux", []string{
			"A tree is its process group and the descendants known when it is stopped: a process that leaves its group and whose parent has ended is not found.",
			"After a kill -9 of syndicate its services run on until the next up ends them.",
			"There is no hard bound of memory.",
		}, nil)
		return
	}
	text, ok := e.read("/proc/sys/kernel/osrelease")
	version := strings.TrimSpace(text)
	if !ok {
		e.find("kernel", Warning, "the version of the kernel cannot be read: /proc is not mounted", []string{
			"Without /proc no process tree can be found."}, []string{"mount -t proc proc /proc"})
		return
	}
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n < 2 {
		e.find("kernel", Note, "Linux "+version, nil, nil)
		return
	}
	if major < 5 || major == 5 && minor < 10 {
		e.find("kernel", Warning, "Linux "+version+" is older than 5.10", []string{
			"What is promised about process trees holds from 5.10 on: older kernels cannot wait for a process by descriptor."},
			[]string{"use a newer kernel"})
		return
	}
	e.find("kernel", OK, "Linux "+version, nil, nil)
}

// cgroups looks whether the engine could make cgroups of its own.
func (e *exam) cgroups() {
	if e.OS != "linux" {
		return
	}
	weaker := []string{
		"Without one, a tree is ended by looking for its processes one by one, and memory has no hard bound (memory.max).",
	}
	dir, ok := e.ownCgroup()
	if !ok {
		e.find("cgroups", Note, "this machine has no cgroup v2", weaker,
			[]string{"boot with systemd.unified_cgroup_hierarchy=1, or in a container mount /sys/fs/cgroup"})
		return
	}
	if unix.Access(e.Root+dir, unix.W_OK) != nil {
		e.find("cgroups", Note, "no cgroup can be made below "+dir, weaker, []string{
			"run in a delegated scope: systemd-run --user --scope -p Delegate=yes syndicate up",
			"in a container: mount /sys/fs/cgroup writable"})
		return
	}
	e.find("cgroups", OK, "a cgroup can be made below "+dir, nil, nil)
}

// ownCgroup is the directory of this process's cgroup.
func (e *exam) ownCgroup() (string, bool) {
	text, ok := e.read("/proc/self/cgroup")
	if !ok {
		return "", false
	}
	for line := range strings.Lines(text) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		dir := filepath.Join("/sys/fs/cgroup", path)
		if _, ok := e.read(dir + "/cgroup.procs"); ok {
			return dir, true
		}
		if _, ok := e.read("/sys/fs/cgroup/cgroup.procs"); ok {
			return "/sys/fs/cgroup", true // in a container the path is the host's
		}
	}
	return "", false
}

// units counts the processes that the configuration starts.
func (e *exam) units() int {
	if e.System == nil {
		return 0
	}
	n := len(e.System.Services) + len(e.System.Databases)
	for _, t := range e.System.Tasks {
		if t.Run == "up" {
			n++
		}
	}
	return n
}

// files compares the limit of descriptors with what the configuration needs.
func (e *exam) files() {
	need := uint64(filesOfEngine + filesPerService*e.units())
	l := e.Limits
	switch {
	case l.FilesHard == 0:
	case l.FilesHard < need:
		e.find("descriptors", Problem,
			fmt.Sprintf("at most %d files can be open, and this configuration needs about %d", l.FilesHard, need),
			[]string{fmt.Sprintf("Each service takes about %d descriptors.", filesPerService)},
			[]string{fmt.Sprintf("raise the hard limit: ulimit -Hn %d as root, LimitNOFILE=%d in a systemd unit, or --ulimit nofile=%d for a container", need*2, need*2, need*2)})
	default:
		e.find("descriptors", OK, fmt.Sprintf("%d files can be open; this configuration needs about %d", l.FilesHard, need), nil, nil)
	}
}

// pipes compares the bound of an unprivileged user's pipes with the need.
func (e *exam) pipes() {
	text, ok := e.read("/proc/sys/fs/pipe-user-pages-soft")
	bound, err := strconv.Atoi(strings.TrimSpace(text))
	if !ok || err != nil || bound == 0 || e.Limits.Superuser {
		return
	}
	const pages, streams = 16, 2
	if need := e.units() * pages * streams; need > bound {
		e.find("pipes", Warning,
			fmt.Sprintf("the pipes of this configuration need %d pages, and a user's share is %d", need, bound),
			[]string{"Beyond it a pipe holds two pages instead of sixteen, and a service that writes much waits more often."},
			[]string{fmt.Sprintf("sudo sysctl fs.pipe-user-pages-soft=%d", need*2)})
	}
}
