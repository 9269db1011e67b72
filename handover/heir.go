package handover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/localsocket"
)

// Socket is a listening socket that somebody else opened.
type Socket struct {
	// Name is what the giver calls it: a keeper by the address that it was
	// opened for, a service manager as it is told; it may be empty.
	Name     string
	Listener *net.TCPListener
}

// Inheritance is what a keeper has. It is neither taken over nor left to the
// keeper until one of the methods is called.
type Inheritance struct {
	Sockets []Socket
	conn    *net.UnixConn
}

// Ask asks the keeper of a state directory what it has. Where there is no
// keeper that is nothing. Whoever will take the sockets over must hold the
// directory.
func Ask(stateDir string) (*Inheritance, error) {
	in := &Inheritance{}
	addr, done, err := localsocket.Address(stateDir, doorName)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return in, nil
		}
		return in, failed(err)
	}
	defer done()
	c, err := (&net.Dialer{Timeout: answerTime}).Dial("unix", addr)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
		return in, nil
	}
	if err != nil {
		return in, failed(err)
	}
	in.conn = c.(*net.UnixConn)
	if err := in.listen(); err != nil {
		in.Leave()
		return in, failed(err)
	}
	return in, nil
}

func failed(err error) error { return fmt.Errorf("ask for the sockets of the engine before: %w", err) }

// listen hears the keeper out.
func (in *Inheritance) listen() error {
	if err := in.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	if err := known(in.conn, os.Geteuid()); err != nil {
		return err
	}
	for {
		var head [2]byte
		rights := make([]byte, unix.CmsgSpace(4))
		n, size, _, _, err := in.conn.ReadMsgUnix(head[:], rights)
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		fd := descriptor(rights[:size])
		if n < len(head) {
			_, err = io.ReadFull(in.conn, head[n:])
		}
		length := binary.BigEndian.Uint16(head[:])
		if err == nil && length == theEnd {
			return nil
		}
		name := make([]byte, length)
		if err == nil {
			_, err = io.ReadFull(in.conn, name)
		}
		if err != nil || fd < 0 {
			closeFD(fd)
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		l, err := listenerOf(fd, string(name))
		if err != nil {
			return err
		}
		in.Sockets = append(in.Sockets, Socket{string(name), l})
	}
}

// descriptor returns what came with a message, -1 where nothing did.
func descriptor(rights []byte) int {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return -1
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1
	}
	return fds[0] // closed at an exec: package net sees to that
}

func closeFD(fd int) {
	if fd >= 0 {
		_ = unix.Close(fd)
	}
}

// listenerOf makes a listener of a descriptor, which is its own from then on.
// One that was told to let nobody in for a while listens again.
func listenerOf(fd int, name string) (*net.TCPListener, error) {
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("it is a %s socket, not tcp", l.Addr().Network()), l.Close())
	}
	if err := relisten(tcp); err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	return tcp, nil
}

// relisten has a socket listen that may have stopped to: see listen(2).
func relisten(l *net.TCPListener) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var got error
	if err := raw.Control(func(fd uintptr) { got = unix.Listen(int(fd), unix.SOMAXCONN) }); err != nil {
		return err
	}
	return got
}

// Again returns another descriptor of a socket, which listens, and which may
// be closed while the first one stays.
func Again(l *net.TCPListener) (*net.TCPListener, error) {
	f, err := l.File()
	if err != nil {
		return nil, fmt.Errorf("use the socket at %s once more: %w", l.Addr(), err)
	}
	defer f.Close()
	other, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("use the socket at %s once more: %w", l.Addr(), err)
	}
	tcp := other.(*net.TCPListener)
	if err := relisten(tcp); err != nil {
		return nil, errors.Join(fmt.Errorf("use the socket at %s once more: %w", l.Addr(), err), tcp.Close())
	}
	return tcp, nil
}

// Take tells the keeper that its work is done, and returns once that has
// closed its copies. The sockets are the caller's now, to be closed one by
// one.
func (in *Inheritance) Take() []Socket {
	sockets := in.Sockets
	in.Sockets = nil
	if in.conn != nil {
		_ = in.conn.SetDeadline(time.Now().Add(answerTime))
		_, _ = in.conn.Write([]byte{mine})
		_, _ = in.conn.Read(make([]byte, 1)) // the end: there is nothing to read
		_ = in.conn.Close()
		in.conn = nil
	}
	return sockets
}

// Leave closes the sockets on this side. Where they were not taken over the
// keeper goes on.
func (in *Inheritance) Leave() {
	for _, s := range in.Sockets {
		_ = s.Listener.Close()
	}
	in.Sockets = nil
	if in.conn != nil {
		_ = in.conn.Close()
		in.conn = nil
	}
}
