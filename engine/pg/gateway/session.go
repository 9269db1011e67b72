package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/syndicate/syndicate/engine/metric"
)

// session is one client with its connection to the server.
type session struct {
	g      *Gateway
	client net.Conn // changed by the goroutine of serve, under mu
	server net.Conn // as client
	target target   // where the server is
	choice choice   // why there, if it had to be a certain one
	who    string   // for people: user, database, application
	user   string
	key    string        // that cancels its queries, empty before
	relays bool          // replication: outside of all limits
	over   chan struct{} // closed when relay has ended

	mu       sync.Mutex
	carriage *carriage // that has both connections, where a loop carries it; guarded by mu
	flights  flights   // guarded by mu
	patience patience  // guarded by mu
	early    []byte    // of the server, from before relay; until then of one goroutine
	retired  bool      // it ends when it is idle; guarded by mu
	closing  bool      // nothing of the client is taken any more; guarded by mu
	gone     sync.Once
}

// serve is all that happens with one connection of a client.
func (g *Gateway) serve(conn net.Conn) {
	h, err := g.greet(conn)
	if err != nil {
		return // who does not even say what it wants gets no answer
	}
	g.heard(conn)
	if h.cancel {
		g.cancel(h.packet)
		return
	}
	if err := g.session(h); err != nil {
		g.refuse(h.conn, err)
	}
}

// refuse answers a client that does not get in. A client that has gone needs
// none.
func (g *Gateway) refuse(conn net.Conn, err error) {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return
	}
	g.stats.count(g.stats.refused, r.state)
	r.send(conn)
}

// session lets a client in, and stays with it to its end.
func (g *Gateway) session(h hello) error {
	start, err := parseStartup(h.packet)
	if err != nil {
		return &refusal{protocolViolation, err.Error(), ""}
	}
	if major := start.version >> 16; major != 3 {
		return &refusal{notSupported, fmt.Sprintf("unsupported frontend protocol %d.%d: the gateway supports 3.0 to 3.2",
			major, start.version&0xffff), ""}
	}
	s := &session{g: g, client: h.conn, who: describe(start), user: start.get("user"), relays: start.replicates(), over: make(chan struct{})}
	packet := h.packet
	if limits := g.limits.Load(); !s.relays && start.limit(limits.QueryTimeout) {
		packet = start.encode()
	}
	permit, err := g.admit(s)
	if err != nil {
		return err
	}
	if !s.relays {
		defer g.slots.release()
	}
	if err := s.connect(permit); err != nil {
		return err
	}
	defer s.server.Close()
	if !g.begin(s) {
		permit.Neutral()
		return stopped()
	}
	defer g.end(s)
	if err := s.start(packet, permit); err != nil {
		return err
	}
	g.stats.sessions.Add(1)
	s.relay()
	if s.client != h.conn { // a loop has carried it
		s.abort()
	}
	return nil
}

// describe names the database, the user and the application of a session.
func describe(s startup) string {
	user := s.get("user")
	database := s.get("database")
	if database == "" {
		database = user
	}
	text := fmt.Sprintf("%.64q as %.64q", database, user)
	if name := s.get("application_name"); name != "" {
		text += fmt.Sprintf(", %.64q", name)
	}
	return text
}

func stopped() *refusal {
	return &refusal{adminShutdown, "terminating connection: the gateway stops", ""}
}

// admit asks the breaker, and takes a slot for a client. Where none is free
// it waits, as long as the client does, and asks the breaker again.
func (g *Gateway) admit(s *session) (Permit, error) {
	if g.stopping.Err() != nil {
		return nil, stopped()
	}
	permit, err := g.permit()
	if err != nil || s.relays || g.slots.try() {
		return permit, err
	}
	permit.Neutral()
	if err := g.wait(s.client); err != nil {
		return nil, err
	}
	if permit, err = g.permit(); err != nil {
		g.slots.release()
	}
	return permit, err
}

func (g *Gateway) permit() (Permit, error) {
	permit, err := g.guard.Permit()
	if err != nil {
		return nil, broken(err)
	}
	return permit, nil
}

// wait takes a slot when one becomes free.
func (g *Gateway) wait(conn net.Conn) error {
	limits := g.limits.Load()
	begun := time.Now()
	err := g.queue(conn, limits.AcquireTimeout)
	if err == nil || errors.Is(err, errWaited) {
		g.stats.waits.Observe(time.Since(begun))
	}
	full := fmt.Sprintf("the gateway's connections to the server are all taken (%d)", limits.MaxConn)
	hint := "Close connections that are not needed, or raise max_conn of the gateway."
	switch {
	case errors.Is(err, errWaited):
		g.stats.tally.Failed(metric.ClassBusy)
		return &refusal{tooManyConns, fmt.Sprintf("%s, and none became free within %s", full, limits.AcquireTimeout), hint}
	case errors.Is(err, errQueueFull):
		g.stats.tally.Failed(metric.ClassBusy)
		return &refusal{tooManyConns, fmt.Sprintf("%s, and as many clients wait as may (%d)", full, limits.MaxWaiting), hint}
	case errors.Is(err, errStopping):
		return stopped()
	}
	return err
}

// errHungUp is the end of a client that waits.
var errHungUp = errors.New("the client has gone")

// queue waits for a slot, and notices if the client does so no longer.
func (g *Gateway) queue(conn net.Conn, timeout time.Duration) error {
	ctx, cancel := context.WithCancelCause(g.stopping)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		var b [1]byte
		n, err := conn.Read(b[:])
		if isOverdue(err) {
			return
		}
		if n > 0 || err != nil { // a client has nothing to say before it is asked
			cancel(errHungUp)
		}
	}()
	err := g.slots.acquire(ctx, timeout)
	_ = conn.SetReadDeadline(time.Unix(1, 0))
	<-watched
	_ = conn.SetReadDeadline(time.Time{})
	if err == nil && ctx.Err() != nil && errors.Is(context.Cause(ctx), errHungUp) {
		g.slots.release()
		return errHungUp
	}
	return err
}

// broken is the refusal of a client while the breaker is open.
func broken(err error) *refusal {
	return &refusal{
		cannotConnectNow, "the gateway does not ask the database server now: " + err.Error(),
		"The server could not be reached before: try again when the breaker lets a call through.",
	}
}

// connect reaches the server.
func (s *session) connect(permit Permit) (err error) {
	s.server, s.target, s.choice, err = s.g.server.dial(s.g.killed)
	switch {
	case s.g.killed.Err() != nil:
		permit.Neutral()
		if err == nil {
			_ = s.server.Close()
		}
		return stopped()
	case err != nil:
		permit.Failure("connect: " + reason(err))
		s.g.stats.tally.Failed(metric.ClassConnection)
		s.g.notes.say("connect to the server: %s", reason(err))
		return unreachable(err)
	}
	s.patience = newPatience(s.server, s.g.server.alive.Unacknowledged)
	return nil
}

// begin notes a session that has to be ended at the end.
func (g *Gateway) begin(s *session) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.sessions[s] = struct{}{}
	return true
}

func (g *Gateway) end(s *session) {
	if s.key != "" {
		g.keys.remove(s.key, s)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sessions, s)
}

// retire has a session end as soon as it is idle.
func (s *session) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	s.look()
}

// look has relay look around. The caller holds mu.
func (s *session) look() {
	if s.carriage != nil {
		s.carriage.release()
		return
	}
	_ = s.server.SetReadDeadline(time.Unix(1, 0))
}

// abort ends a session at once.
func (s *session) abort() {
	s.mu.Lock()
	carriage, client, server := s.carriage, s.client, s.server
	s.mu.Unlock()
	if carriage != nil {
		carriage.release() // carry sees that the gateway is killed
		return
	}
	_ = client.Close()
	_ = server.Close()
}
