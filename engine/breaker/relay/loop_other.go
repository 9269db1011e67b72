//go:build !linux

package relay

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// loop is none: there is no epoll(7).
type loop struct{}

func startLoop() *loop { return nil }

func (*loop) end() {}

func (*loop) enter(*Door, net.Listener) entry { return nil }

func (*loop) connect(*Client, netip.AddrPort, time.Duration, Call, []context.Context) {}

func (*loop) forward(*Client, *net.TCPConn, Call, []context.Context) {}

func resetDescriptor(int) {}
