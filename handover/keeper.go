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
// them over or the time for it is over. It closes neither. Taken says which it
// was.
func Keep(door *net.UnixListener, sockets []Kept, wait time.Duration) (taken bool) {
	end := time.Now().Add(wait)
	if door.SetDeadline(end) != nil {
		return false
	}
	for {
		c, err := door.AcceptUnix()
		switch {
		case err == nil:
			err = hand(c, sockets)
			_ = c.Close()
			if err == nil {
				return true
			}
		case errors.Is(err, os.ErrDeadlineExceeded), time.Now().After(end):
			return false
		case !errors.Is(err, unix.ECONNABORTED):
			// Descriptors are short, or the like: that passes.
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// hand tells one who asks. The error is nil where that one has taken over.
func hand(c *net.UnixConn, sockets []Kept) error {
	if err := c.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	if err := known(c); err != nil {
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

// known returns an error where another user's process is at the other end.
func known(c *net.UnixConn) error {
	uid, err := userOf(c)
	if err == nil && uid != os.Geteuid() {
		err = errStranger
	}
	return err
}
