package process

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/syndicate/syndicate/engine/process/vigil"
)

// guardedVariable tells a guardian the life that it watches over.
const guardedVariable = "SYNDICATE_GUARDED"

// homeVariable tells it where to note the engine's death.
const homeVariable = "SYNDICATE_GUARDED_HOME"

// How long to wait before another guardian is started for one that died at
// once, and how long one that was dismissed may take to go.
const (
	guardFirst = 10 * time.Millisecond
	guardMost  = 10 * time.Second
	guardLeave = time.Second
)

// guard is the engine's side of its guardian. The guardian is nobody's tree:
// nothing that ends trees or strays may touch it.
type guard struct {
	p   *Process
	ear int // what it hears the engine by; the engine's death closes it; -1 once that has no meaning
}

// newGuard starts a guardian. It is ready to do its work when newGuard
// returns: what it has to know and to hear waits for it.
func (h *Host) newGuard() (*guard, error) {
	// Both ends block: a descriptor that does not would have the guardian
	// set up a poller.
	syscall.ForkLock.RLock()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, earType, 0)
	if err == nil {
		syscall.CloseOnExec(pair[0])
		syscall.CloseOnExec(pair[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("start the guardian: %w", err)
	}
	defer syscall.Close(pair[0])
	path, err := ownProgram()
	if err != nil {
		syscall.Close(pair[1])
		return nil, fmt.Errorf("start the guardian: %w", err)
	}
	g := &guard{p: newProcess(h, "guardian", 0), ear: pair[1]}
	null := h.null.Fd()
	request := spawnRequest{path: path, argv: []string{vigil.Title(h.config.Guardian)}, attr: syscall.ProcAttr{
		Dir: "/", Env: h.guardEnvironment(), Files: []uintptr{uintptr(pair[0]), null, null},
		Sys: &syscall.SysProcAttr{Setsid: true},
	}}
	if err := h.forkAs(request, g.p, func() {}); err != nil {
		syscall.Close(pair[1])
		return nil, fmt.Errorf("start the guardian: %w", err)
	}
	if err := h.keeping.use(g); err != nil {
		h.log.Warn("a listener would not outlive this engine", "error", err)
	}
	return g, nil
}

// guardEnvironment is little: what the life is, and the marks of an engine
// around this one, whose tree the guardian belongs to.
func (h *Host) guardEnvironment() []string {
	env := []string{guardedVariable + "=" + h.config.Life, homeVariable + "=" + h.config.Home, "GOMAXPROCS=1"}
	for _, name := range []string{LifeVariable, UnitVariable, RunVariable} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// keepGuard sees to it that there is always a guardian, until the Host closes.
func (h *Host) keepGuard(g *guard) {
	wait := guardFirst
	pause := time.NewTimer(wait)
	defer pause.Stop()
	for {
		var ended <-chan struct{}
		if g != nil {
			ended = g.p.Done()
		}
		select {
		case <-h.dismiss:
			h.keeping.close(h.config.Home)
			g.leave()
			return
		case <-ended:
			_ = h.keeping.use(nil)
			g.forget()
			h.log.Warn("the guardian has ended; another one is started", "pid", g.p.pid, "end", g.p.Exit().String())
			if g.p.Exit().At.Sub(g.p.started) > guardMost {
				wait = guardFirst
			}
			g = nil
			pause.Reset(wait)
			wait = min(2*wait, guardMost)
		case <-pause.C:
			if g != nil {
				continue
			}
			var err error
			if g, err = h.newGuard(); err != nil {
				h.log.Warn(noGuardian, "error", err)
				pause.Reset(wait)
				wait = min(2*wait, guardMost)
			}
		}
	}
}

const noGuardian = "there is no guardian: should this engine be killed, what its services had started runs on until the next up"

// leave ends a guardian in good order.
func (g *guard) leave() {
	if g == nil {
		return
	}
	_ = g.say([]byte{vigil.Done}, nil)
	g.forget()
	limit := time.NewTimer(guardLeave)
	defer limit.Stop()
	select {
	case <-g.p.Done():
		return
	case <-limit.C:
	}
	_ = g.p.Signal(syscall.SIGKILL)
	<-g.p.Done()
}

func (g *guard) forget() {
	if g.ear >= 0 {
		syscall.Close(g.ear)
		g.ear = -1
	}
}

// Guardian does a guardian's work where this process is one whose engine is
// dead, and reports whether that was so. main calls it before anything else.
// died notes the death meanwhile: a disk that hangs holds up no killing. It
// offers the listening sockets that it was given to the next engine for up to
// KeepTime.
func Guardian(died func(home, life string, at time.Time)) bool {
	at := time.Now()
	bereft, kept := vigil.Bereft()
	if !bereft {
		return false
	}
	offered := make(chan struct{})
	go func() {
		defer close(offered)
		handOn(kept, KeepTime)
	}()
	life := os.Getenv(guardedVariable)
	if checkLife(life) != nil {
		return true
	}
	noted := make(chan struct{})
	go func() {
		defer close(noted)
		if home := os.Getenv(homeVariable); home != "" {
			died(home, life, at)
		}
	}()
	// There is nobody left to tell of an error: the next up finds what
	// could not be ended, and says so.
	_, _ = EndLife(life, syscall.SIGKILL, 0)
	<-noted
	<-offered
	return true
}

// guards reports whether an environment is that of a life's guardian, which
// has the life's brand and is none of its processes.
func guards(env []byte, life string) bool { return mark(env, guardedVariable) == life }
