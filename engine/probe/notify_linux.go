package probe

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Listen opens the socket of one run.
func (n *Notifier) Listen(cfg NotifyConfig) (*Socket, error) {
	path := n.path()
	conn, err := bind(path, cfg.UID)
	if err != nil {
		return nil, fmt.Errorf("open notify socket: %w", err)
	}
	s := &Socket{path: path, belongs: cfg.Belongs, ready: make(chan struct{}), done: make(chan struct{})}
	s.closing = sync.OnceValue(func() error {
		err := conn.Close()
		<-s.done
		if rm := os.Remove(path); rm != nil && !errors.Is(rm, os.ErrNotExist) {
			err = errors.Join(err, rm)
		}
		return err
	})
	raw, err := conn.SyscallConn()
	if err != nil {
		close(s.done)
		return nil, errors.Join(fmt.Errorf("open notify socket: %w", err), s.closing())
	}
	go func() {
		defer close(s.done)
		for s.readable(raw.Read) {
		}
	}()
	return s, nil
}

// bind makes a datagram socket that only its owner may send to and that
// tells who sent.
func bind(path string, uid int) (*net.UnixConn, error) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	if err = os.Chmod(path, 0o600); err == nil && uid > 0 && uid != os.Geteuid() {
		err = os.Chown(path, uid, -1)
	}
	if err == nil {
		var raw interface{ Control(func(uintptr)) error }
		if raw, err = conn.SyscallConn(); err == nil {
			var set error
			err = raw.Control(func(fd uintptr) {
				set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
			})
			err = errors.Join(err, set)
		}
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(), os.Remove(path))
	}
	return conn, nil
}

// datagramsAtOnce bounds how long a flood keeps Close waiting.
const datagramsAtOnce = 64

// readable waits for datagrams and takes those that have come. It
// returns false once the socket is closed. A buffer exists only while data flows.
func (s *Socket) readable(read func(func(fd uintptr) bool) error) bool {
	var last error
	err := read(func(fd uintptr) bool {
		buf, oob := make([]byte, maxDatagram), make([]byte, 512)
		for range datagramsAtOnce {
			n, oobn, _, _, err := unix.Recvmsg(int(fd), buf, oob, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
			switch {
			case err == unix.EINTR:
				continue
			case err == unix.EAGAIN:
				return false
			case err != nil:
				last = err
				return true
			}
			pid, fds := control(oob[:oobn])
			s.receive(pid, buf[:n])
			// Closing what came along is the answer to BARRIER=1: the
			// sender waits for it, and with that stays alive until its
			// messages before have been judged.
			for _, fd := range fds {
				_ = unix.Close(fd)
			}
		}
		return true
	})
	return err == nil && last == nil
}

// control returns the sender's process id and the descriptors of a datagram.
func control(oob []byte) (pid int, fds []int) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0, nil
	}
	for i := range msgs {
		if cred, err := unix.ParseUnixCredentials(&msgs[i]); err == nil {
			pid = int(cred.Pid)
		} else if got, err := unix.ParseUnixRights(&msgs[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return pid, fds
}
