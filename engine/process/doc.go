// Package process starts, signals and reaps operating system processes, and
// holds each one's tree together: its process group, its descendants in
// sessions of their own, its daemons. Nothing of a tree outlives its Stop,
// and nothing of a life outlives Host.Close. It is the only package that
// spawns and signals; why something is started it does not know.
//
//	           Start                    Stop: signal to the group
//	(nothing) ───────► leader runs ──────────────────────────────┐
//	                       │ crash                               ▼
//	                       ▼                               leader ended,
//	                 leader ended,        Stop             the rest told
//	                 the rest runs  ─────────────────────►       │
//	                       │ End                      timeout    │ all of it
//	                       ▼                        ┌────────────┤ ended
//	                  all of it  ◄──────────────────┘            ▼
//	                   killed  ──────────────────────────────► gone
//
// # Who does what
//
// Two spawners, goroutines on threads of their own, fork: two reach what the
// kernel gives, and since these threads live as long as the Host, a child's
// parent death signal means the engine's death and nothing less. It covers
// the leader only; what leaders had started is ended by the guardian. Each is
// fed by a goroutine that has the next start ready when one is done.
//
// One waiter has the leaders' pidfds in an epoll descriptor, which is waited
// for by the runtime's poller: a service costs one descriptor and no
// goroutine. One reaper hears SIGCHLD, looks at dead children without taking
// them, and takes those that are nobody's, one by one; a fork under way is
// waited for first, since its child has no entry yet. Without pidfds the
// reaper takes leaders as well. It never waits for just any child, so no
// exit status is lost, also not that of a child of os/exec.
//
// One keeper carries all trees that are being stopped, in rounds: a round
// looks at the process table once for all of them, so that a hundred stops
// cost little more than one. It is woken by deaths and does not poll; only
// while something does not die of SIGKILL it looks again by the clock.
//
// # Whose a process is
//
// In a cgroup of its own a tree is exactly that cgroup, and is killed by one
// write. A cgroup per tree costs the start about 0.1 ms on an idle machine
// and several times that on a loaded one; measured on two cores, 1,000
// starts with a pipe each, as multiples of a bare loop of fork and exec:
//
//	                     idle machine   loaded, in the forking threads
//	no cgroup            0.9 – 1.05     0.6 – 0.8
//	one shared by all    0.9 – 1.1      0.8 – 1.0
//	256 own, then shared 0.9 – 1.1
//	one each             1.0 – 1.2      1.3 – 1.5
//
// So the first Config.OwnCgroups trees (64) have one each: nearly every
// system in whole; with 256, a start of 1,000 services, descriptors and
// events included, took a tenth longer. Trees beyond that share one, whose members are found in
// one read instead of a walk through the process table; without a writable
// cgroup the kernel's lists of children are walked where it keeps them, and
// the whole table where not. There a process is attributed by its parents;
// when these are dead, by what was seen of it while they lived (Stop looks
// before it signals), by its group and session, and by the marks in its
// environment. A daemon that left its group and session and cleared its
// environment, all before anybody looked, shows none of these: it ends with
// the Host, or by its brand.
//
// A crash to a new process, the old tree ended, takes 0.5 ms with cgroups
// and 2 ms without; a stop of 100 services 8 to 12 ms, of 1,000 about 100.
//
// # When the engine is killed
//
// Leaders get their death signals from the kernel at once. A guardian, this
// program started once more under another title and in a session of its own
// (see vigil for what it costs), then ends whatever else is of that life: by
// EndLife, with SIGKILL, as the next up and down do where the guardian was
// killed as well. Cgroups are killed whole; everything else is found by the
// marks in its environment, by descent, by its group, and by the brand: a
// resource limit that no kernel looks at, which the engine sets for itself
// and every descendant inherits, also the daemon that cleared its
// environment. Each is signalled through a pidfd after a look at its start
// time, so that nobody is taken for another. A leader with a DeathSignal of
// its own (a PostgreSQL server) gets that, is never killed, and what descends
// from it is left to it while it lives.
//
// The guardian holds one end of a pair of sockets. The engine says there that
// it ends in good order, and then the guardian goes too; it starts another
// when the guardian dies. Only both killed at one moment leave something
// running, until the next up. The engine also gives it copies of listening
// sockets (Host.Keep), which a guardian whose engine has died offers to the
// next one for KeepTime (package handover): connections wait meanwhile. Measured, 200 services and their
// daemons are gone 20 to 200 ms after the engine.
//
// # Weaker elsewhere
//
// On macOS orphans go to launchd, there is no parent death signal and no
// cgroup: a tree is its group and the descendants known when stopping, and
// those that show the mark. The guardian ends what shows it; there are no
// brands.
package process
