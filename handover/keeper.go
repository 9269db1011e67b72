package handover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/localsocket"
)

// Kept is a listening socket that a keeper has, by the name that it was given
// under.
type Kept struct {
	Name string
	FD   int
}

const (
	// answerTime bounds one conversation: both sides have all that they say
	// at hand.
	answerTime = 5 * time.Second
	// theEnd stands where the length of a name would.
	theEnd = 0xffff
	// mine is what an heir answers that has taken the sockets over.
	mine = 'm'
)

// errStranger is the error of a conversation with another user.
var errStranger = errors.New("the process at the other end belongs to another user")

// Keep offers sockets at a door that Open has made, until somebody has taken
// them over or the time for it is over, and closes them. Taken says which it
// was.
func Keep(door *net.UnixListener, sockets []Kept, wait time.Duration) (taken bool) {
	defer func() { discard(sockets) }()
	if door.SetDeadline(time.Now().Add(wait)) != nil {
		return false
	}
	for !taken {
		c, err := door.AcceptUnix()
		if err != nil {
			return false // the time is over
		}
		if taken = hand(c, sockets) == nil; taken {
			discard(sockets) // before the heir hears of it
			sockets = nil
		}
		_ = c.Close()
	}
	return taken
}

func discard(sockets []Kept) {
	for _, s := range sockets {
		_ = unix.Close(s.FD)
	}
}

// hand tells one who asks. The error is nil where that one has taken over.
func hand(c *net.UnixConn, sockets []Kept) error {
	if err := c.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	if err := known(c, os.Geteuid()); err != nil {
		return err
	}
	for _, s := range sockets {
		head := binary.BigEndian.AppendUint16(nil, uint16(len(s.Name)))
		if _, _, err := c.WriteMsgUnix(append(head, s.Name...), unix.UnixRights(s.FD), nil); err != nil {
			return err
		}
	}
	if _, err := c.Write(binary.BigEndian.AppendUint16(nil, theEnd)); err != nil {
		return err
	}
	var answer [1]byte
	if _, err := io.ReadFull(c, answer[:]); err != nil {
		return err
	}
	if answer[0] != mine {
		return fmt.Errorf("the answer is %q", answer)
	}
	return nil
}

// known returns an error where the process at the other end is not a user's.
func known(c *net.UnixConn, uid int) error {
	peer, err := localsocket.PeerOf(c)
	if err == nil && peer.UID != uid {
		err = errStranger
	}
	return err
}
