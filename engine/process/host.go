package process

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Cgroup says whether the Host may use cgroups.
type Cgroup string

// The choices. Empty means CgroupAuto.
const (
	CgroupAuto Cgroup = "auto" // where a cgroup2 directory is writable
	CgroupOff  Cgroup = "off"
)

// Config is what New needs.
type Config struct {
	// Life is a random mark, the same for all processes of this life and
	// no other's: letters, digits, "-" and "_". It stands in each child's
	// environment and in the name of the cgroup, and finds leftovers.
	Life string

	// Guardian is the system's name, which a guardian has in its title: a
	// process of this program that ends everything of this life when the
	// engine dies. main must call Guardian. Empty means that there is none.
	Guardian string

	// Home is what the guardian hands to the function that main gives it:
	// where to note that the engine has died. It is the directory, too, where
	// the next engine asks it for the sockets that it keeps.
	Home string

	Cgroup Cgroup

	// OwnCgroups is how many trees at a time get a cgroup of their own;
	// the others share one. 0 means 64: see doc.go.
	OwnCgroups int

	// Expected is how many trees there will be, or about so many: room for
	// their descriptors is made in advance.
	Expected int

	// KillWait bounds how long Stop and End wait for processes that do not
	// even die of SIGKILL, since they hang in the kernel. 0 means 5 s.
	KillWait time.Duration

	noDescriptors bool // do as on a kernel without pidfds
	noNest        bool // fork from the common table of descriptors

	// Logger hears what is weaker here than it could be. Nil is silence.
	Logger hclog.Logger
}

// Errors of a Host.
var (
	ErrClosed = errors.New("the process host is closed")
	ErrEnded  = errors.New("the process has ended")
)

// Host starts, signals and reaps processes. It is safe for concurrent use.
type Host struct {
	config   Config
	log      hclog.Logger
	self     self
	null     *os.File
	orders   chan order // for whichever spawner is free
	runs     atomic.Uint64
	lastWalk atomic.Int64 // when Run last had the whole process table walked, in Unix ns
	cells    *cells       // nil without cgroups
	wait     *waiter

	mu      sync.Mutex
	trees   []*tree // that are not gone, in the order of their starts
	active  int     // trees that the keeper works on
	closing bool
	starts  sync.WaitGroup // Starts under way

	kick     chan struct{}  // wakes the keeper
	blank    map[int]uint64 // strays without an environment in the last round; the keeper's own
	orphans  chan struct{}  // wakes the reaper
	quit     chan struct{}  // ends keeper and reaper
	dismiss  chan struct{}  // ends the guardian
	spawners sync.WaitGroup
	loops    sync.WaitGroup
	guards   sync.WaitGroup
	keeping  keeping

	children  chan os.Signal   // SIGCHLD
	reaping   sync.Mutex       // guards firstSeen
	firstSeen map[int]sighting // dead children that a fork under way may have made
}

// New makes this process the reaper of its descendants, starts the threads
// that fork, and finds out what the kernel offers.
func New(config Config) (*Host, error) {
	if err := checkLife(config.Life); err != nil {
		return nil, err
	}
	switch config.Cgroup {
	case "", CgroupAuto, CgroupOff:
	default:
		return nil, fmt.Errorf("open process host: cgroup is %q, must be %q or %q", config.Cgroup, CgroupAuto, CgroupOff)
	}
	if config.OwnCgroups == 0 {
		config.OwnCgroups = 64
	}
	if config.KillWait == 0 {
		config.KillWait = 5 * time.Second
	}
	if config.Logger == nil {
		config.Logger = hclog.NewNullLogger()
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open process host: %w", err)
	}
	h := &Host{
		config: config, log: config.Logger, null: null,
		orders:  make(chan order),
		kick:    make(chan struct{}, 1),
		orphans: make(chan struct{}, 1),
		quit:    make(chan struct{}),
		dismiss: make(chan struct{}),

		children:  make(chan os.Signal, 1),
		firstSeen: map[int]sighting{},
	}
	if err := h.open(); err != nil {
		null.Close()
		return nil, fmt.Errorf("open process host: %w", err)
	}
	return h, nil
}

func (h *Host) open() error {
	var err error
	if h.self, err = becomeReaper(); err != nil {
		return err
	}
	h.loops.Go(func() { makeRoom(h.null, h.config.Expected*descriptorsPerTree) })
	if h.wait, err = newWaiter(h); err != nil {
		return err
	}
	if h.config.Cgroup != CgroupOff {
		if h.cells, err = openCells(h.config.Life, h.config.OwnCgroups); err != nil {
			h.log.Debug("no cgroup for the processes of this life; descendants are found in the process table", "reason", err)
		}
	}
	everyone.open(h)
	signal.Notify(h.children, syscall.SIGCHLD)
	for range spawnThreads {
		h.addSpawner()
	}
	h.loops.Go(h.keeper)
	h.loops.Go(h.reaper)
	if h.config.Guardian != "" {
		g, err := h.newGuard()
		if err != nil {
			h.log.Warn(noGuardian, "error", err)
		}
		h.guards.Go(func() { h.keepGuard(g) })
	}
	return nil
}

func checkLife(life string) error {
	if life == "" || len(life) > 64 {
		return fmt.Errorf("open process host: the life mark %q must have 1 to 64 characters", life)
	}
	for _, r := range life {
		if !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_') {
			return fmt.Errorf("open process host: the life mark %q may contain letters, digits, - and _ only", life)
		}
	}
	return nil
}

// Facts says what holds on this machine.
type Facts struct {
	Reaper bool   // orphaned descendants come to the engine
	PIDFD  bool   // leaders are waited for by descriptor
	Cgroup string // directory of this life's cgroup, empty without one
	Table  string // how descendants outside cgroups are found
}

// Facts tells how well trees are held together here.
func (h *Host) Facts() Facts {
	facts := Facts{Reaper: h.self.reaper == h.self.pid, PIDFD: h.wait.descriptors(), Table: tableName()}
	if h.cells.usable() {
		facts.Cgroup = h.cells.dir
	}
	return facts
}

// poke wakes a loop; a wake-up that is already waiting is enough.
func poke(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

// Close kills what is left of every tree, reaps it, removes the cgroups and
// ends every thread and goroutine of the Host. What hangs in the kernel for
// longer than KillWait is named in the error. It is idempotent.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		h.loops.Wait()
		return nil
	}
	h.closing = true
	h.mu.Unlock()
	h.starts.Wait()
	err := h.endAll()
	if strayErr := h.endStrays(); err == nil {
		err = strayErr
	}
	close(h.dismiss)
	h.guards.Wait()
	close(h.orders)
	h.spawners.Wait()
	h.wait.close()
	close(h.quit)
	h.loops.Wait()
	signal.Stop(h.children)
	everyone.closed(h)
	h.null.Close()
	if cellErr := h.cells.remove(); err == nil {
		err = cellErr
	}
	return err
}

// endAll kills every tree at once and waits for all of them.
func (h *Host) endAll() error {
	h.mu.Lock()
	trees := append([]*tree(nil), h.trees...)
	for _, t := range trees {
		h.request(t, 0, true)
	}
	h.mu.Unlock()
	poke(h.kick)
	limit := time.NewTimer(h.config.KillWait)
	defer limit.Stop()
	for _, t := range trees {
		select {
		case <-t.gone:
		case <-limit.C:
			return h.stuck(t)
		}
	}
	return nil
}
