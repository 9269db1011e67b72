package process

import "sync"

// everyone is the one package variable here. The children of an operating
// system process are one set, whoever in it forked them: two Hosts in one
// program (tests do that) must know each other's leaders, or the reaper of
// one would take the exit status that belongs to the other.
var everyone = &registry{
	leaders: map[int]*Process{},
	forks:   map[uint64]struct{}{},
	hosts:   map[*Host]struct{}{},
}

// registry knows every leader of every Host in this program, and the forks
// under way, whose children have no entry yet.
type registry struct {
	mu      sync.Mutex
	leaders map[int]*Process
	forks   map[uint64]struct{}
	ticket  uint64
	hosts   map[*Host]struct{}
	waiting []func() // called once when the next fork has ended
	reaped  uint64   // orphans so far
	plain   uint64   // the brand that this program had before any Host
}

// fork announces a fork; registered ends it.
func (r *registry) fork() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ticket++
	r.forks[r.ticket] = struct{}{}
	return r.ticket
}

// registered ends a fork and enters its child, nil where it failed.
func (r *registry) registered(ticket uint64, p *Process) {
	r.mu.Lock()
	delete(r.forks, ticket)
	if p != nil {
		r.leaders[p.pid] = p
	}
	calls := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

// forget removes a leader that was reaped. Its pid may be another's by now.
func (r *registry) forget(p *Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leaders[p.pid] == p {
		delete(r.leaders, p.pid)
	}
}

// leader returns the leader with a pid, nil where there is none.
func (r *registry) leader(pid int) *Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.leaders[pid]
}

// all returns every leader that was not reaped yet.
func (r *registry) all() []*Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	leaders := make([]*Process, 0, len(r.leaders))
	for _, p := range r.leaders {
		leaders = append(leaders, p)
	}
	return leaders
}

// verdict says what a child with this pid is: a leader, or, where none is
// known and no fork is under way that could have made it, an orphan. While a
// fork is under way the answer is neither, and call is made when it ends.
// since is the newest ticket when the child was first seen, 0 at first.
func (r *registry) verdict(pid int, since uint64, call func()) (leader *Process, orphan bool, seen uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.leaders[pid]; p != nil {
		return p, false, 0
	}
	if since == 0 {
		since = r.ticket
	}
	for ticket := range r.forks {
		if ticket <= since {
			r.waiting = append(r.waiting, call)
			return nil, false, since
		}
	}
	return nil, true, since
}

// open and closed keep the set of Hosts; alone says that there is one only.
func (r *registry) open(h *Host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.hosts) == 0 {
		r.plain = ownBrand()
	}
	r.hosts[h] = struct{}{}
	r.brand()
}

func (r *registry) closed(h *Host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.hosts, h)
	r.brand()
}

// brand gives this program, and so all children to come, the brand of its
// only Host. Where there are several, children go without.
func (r *registry) brand() {
	brand := r.plain
	if len(r.hosts) == 1 {
		for h := range r.hosts {
			brand = brandOf(h.config.Life)
		}
	}
	setBrand(brand)
}

func (r *registry) alone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.hosts) <= 1
}

// orphanReaped counts an orphan and tells every Host: it may have been the
// last of a tree. It is called before the orphan is taken out of the process
// table, so that a census which misses it sees the count change.
func (r *registry) orphanReaped() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reaped++
}

func (r *registry) tellOrphanReaped() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for h := range r.hosts {
		poke(h.kick)
	}
}

// orphans is how many were reaped so far.
func (r *registry) orphans() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reaped
}
