package relay

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// try is what a pair knows while it connects to upstream.
type try struct {
	client  *Client
	to      netip.AddrPort
	timeout *time.Timer
}

// connect has the loop connect a client to an address, and forward it.
func (l *loop) connect(c *Client, to netip.AddrPort, within time.Duration, call Call, until []context.Context) {
	family := unix.AF_INET
	if to.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		call.Failed(dialError(to, os.NewSyscallError("socket", err)))
		return
	}
	setOptions(fd)
	there, err := establish(fd, to)
	if err != nil {
		_ = unix.Close(fd)
		call.Failed(dialError(to, err))
		return
	}
	p := newPair(l, c.fd, fd, call)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heed(until)
	if !there {
		p.trying = &try{c, to, time.AfterFunc(within, p.late)}
	}
	if p.watch(&p.up) && there {
		p.join()
	}
}

// establish connects a socket, or asks how far that is, and reports whether it
// is connected: on one machine that is so at once.
func establish(fd int, to netip.AddrPort) (bool, error) {
	addr := sockaddr(to)
	err := unix.Connect(fd, addr)
	if err == unix.EINPROGRESS {
		err = unix.Connect(fd, addr)
	}
	switch err {
	case unix.EALREADY, unix.EINTR:
		return false, nil
	case nil, unix.EISCONN:
	default:
		return false, os.NewSyscallError("connect", err)
	}
	// Where nobody listens at a port that the kernel may choose for clients,
	// it chooses that one in time, and a socket is connected to itself.
	if localPort(fd) == to.Port() && local(fd) == to {
		return false, os.NewSyscallError("connect", unix.ECONNREFUSED)
	}
	return true, nil
}

// connected looks whether upstream is connected, and goes on where it is; else
// it reports false. The lock is held.
func (p *pair) connected() bool {
	there, err := establish(p.up.fd, p.trying.to)
	switch {
	case err != nil:
		p.fail(err)
		return false
	case !there:
		return false
	}
	p.trying.timeout.Stop()
	p.trying = nil
	p.join()
	return !p.over
}

// late ends a try that took its time.
func (p *pair) late() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over && p.trying != nil {
		p.fail(os.ErrDeadlineExceeded)
	}
}

// fail gives a client back that cannot be connected. The lock is held.
func (p *pair) fail(err error) {
	p.leave()
	p.loop.forget(p.up.fd)
	_ = unix.Close(p.up.fd)
	p.call.Failed(dialError(p.trying.to, err))
}

// dialError is an error of the form that those of package net have.
func dialError(to netip.AddrPort, err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// localPort is the port of a connection on this side.
func localPort(fd int) uint16 {
	var addr [unix.SizeofSockaddrAny]byte
	size := uint32(len(addr))
	_, _, errno := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&addr[0])), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0
	}
	return binary.BigEndian.Uint16(addr[2:]) // behind the family, of IPv4 and IPv6
}

// local is the address of a connection on this side.
func local(fd int) netip.AddrPort {
	addr, _ := unix.Getsockname(fd)
	switch a := addr.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	return netip.AddrPort{}
}

// setOptions gives a connection what package net gives those that it makes:
// messages are sent at once, and a host that is gone is noticed. What a
// listener accepts has what the listener has.
func setOptions(fd int) {
	const seconds, probes = 15, 9
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, probes)
}
