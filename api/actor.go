package api

import (
	"context"
	"fmt"
	"os/user"
	"strconv"

	"github.com/syndicate/syndicate/localsocket"
)

// Actor is who asks: the process at the other end of the control socket, or
// somebody who has the token.
type Actor struct {
	Peer   localsocket.Peer
	Remote string // the address where it came over TCP, empty on the socket
}

// String names the actor for the journal: "ada (uid 1000, pid 4242)",
// "token from 10.0.0.7:41622".
func (a Actor) String() string {
	if a.Remote != "" {
		return "token from " + a.Remote
	}
	name := "somebody"
	if u, err := user.LookupId(strconv.Itoa(a.Peer.UID)); err == nil {
		name = u.Username
	}
	return fmt.Sprintf("%s (uid %d, pid %d)", name, a.Peer.UID, a.Peer.PID)
}

// actorKey is the key of the actor in a context.
type actorKey struct{}

// WithActor returns a context that carries an actor.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns the actor of a request's context.
func ActorOf(ctx context.Context) (Actor, bool) {
	a, ok := ctx.Value(actorKey{}).(Actor)
	return a, ok
}
