package gateway

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/syndicate/syndicate/engine/metric"
)

// The kinds of authentication messages after which the server waits for
// nothing: AuthenticationOk and AuthenticationSASLFinal. saslBegin offers the
// mechanisms, saslContinue takes the talk on.
const (
	authOK       = 0
	saslBegin    = 10
	saslContinue = 11
	saslFinal    = 12
)

// maxStarting bounds a message while a session starts, in bytes.
const maxStarting = 1 << 20

// start relays the beginning of a session, up to the server's first
// ReadyForQuery or its refusal, and tells the permit how that went. An error
// that is a refusal is for the client; after any other there is nothing more
// to say.
func (s *session) start(packet []byte, permit Permit) error {
	st := starting{session: s, in: bufio.NewReaderSize(s.server, 4096)}
	err := st.run(packet)
	_ = s.client.SetDeadline(time.Time{})
	switch {
	case st.death != "":
		permit.Failure("the server refused a session: " + st.death)
	case err == nil || st.answered:
		permit.Success()
	case s.g.stopping.Err() != nil:
		permit.Neutral()
		return stopped()
	case st.clients:
		permit.Neutral()
	default:
		permit.Failure("begin a session: " + reason(err))
		st.g.stats.tally.Failed(metric.ClassConnection)
		s.g.notes.say("begin a session (%s): %s", s.who, reason(err))
		return unreachable(err)
	}
	if err != nil {
		if errors.Is(err, errRefused) {
			linger(s.client)
		}
		return err
	}
	s.early = make([]byte, st.in.Buffered())
	_, _ = io.ReadFull(st.in, s.early)
	// A session that is to end is told so by its deadline.
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return errors.Join(s.server.SetWriteDeadline(time.Time{}), s.server.SetReadDeadline(time.Unix(1, 0)))
	}
	return s.server.SetDeadline(time.Time{})
}

// starting is a session that has not begun yet.
type starting struct {
	*session
	in       *bufio.Reader // from the server
	out      []byte        // for the client
	answered bool          // the server has refused the client for its own reasons
	death    string        // or since it is not there for anybody: SQLSTATE and message
	clients  bool          // what went wrong is the client's doing
	unbound  bool          // the client's encryption is not the server's: it must not bind to it
}

// errRefused is the end of a session that the server has refused: the client
// has its answer.
var errRefused = errors.New("the server refused the session")

func (st *starting) run(packet []byte) error {
	if err := st.send(packet); err != nil {
		return err
	}
	for {
		kind, body, err := st.receive()
		if err != nil {
			_ = st.flush()
			return err
		}
		ready := false
		switch kind {
		case 'R':
			if isOffer(body) {
				if err := st.offer(body); err != nil {
					return err
				}
				continue
			}
		case 'K':
			st.key = string(body)
			st.g.keys.add(st.key, st.session)
		case 'S':
			if err := st.parameter(body); err != nil {
				return err
			}
		case 'E':
			st.refusal(body)
		case 'Z':
			ready = true
			if len(body) == 1 {
				st.flights.status = body[0]
			}
		}
		st.add(kind, body)
		switch {
		case kind == 'R' && waits(body):
			if err := st.answer(); err != nil {
				return err
			}
		case ready:
			return st.flush()
		case kind == 'E':
			return errors.Join(errRefused, st.flush())
		case st.in.Buffered() == 0:
			if err := st.flush(); err != nil {
				return err
			}
		}
	}
}

// send hands bytes to the server, and gives it a time to answer.
func (st *starting) send(b []byte) error {
	if err := st.server.SetDeadline(time.Now().Add(st.g.server.timeout)); err != nil {
		return err
	}
	_, err := st.server.Write(b)
	return err
}

// receive reads one message of the server. Its body is the caller's.
func (st *starting) receive() (kind byte, body []byte, err error) {
	return readMessage(st.in)
}

// readMessage reads one message, and nothing that comes after it.
func readMessage(r io.Reader) (kind byte, body []byte, err error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > maxStarting {
		return 0, nil, fmt.Errorf("a message %q says that it has %d bytes: this is not PostgreSQL's protocol", head[0], size)
	}
	body = make([]byte, size-4)
	_, err = io.ReadFull(r, body)
	return head[0], body, err
}

// add puts a message into what the client is about to get.
func (st *starting) add(kind byte, body []byte) {
	st.out = binary.BigEndian.AppendUint32(append(st.out, kind), uint32(len(body)+4))
	st.out = append(st.out, body...)
}

// flush sends it.
func (st *starting) flush() error {
	if len(st.out) == 0 {
		return nil
	}
	_ = st.client.SetWriteDeadline(time.Now().Add(helloTimeout))
	_, err := st.client.Write(st.out)
	st.out = st.out[:0]
	if err != nil {
		st.clients = true
	}
	return err
}

// hear waits for one message of the client, whose turn it is.
func (st *starting) hear() (kind byte, body []byte, err error) {
	if err := st.flush(); err != nil {
		return 0, nil, err
	}
	_ = st.server.SetDeadline(time.Time{})
	_ = st.client.SetReadDeadline(time.Now().Add(helloTimeout))
	st.clients = true
	if kind, body, err = readMessage(st.client); err == nil {
		st.clients = false
	}
	return kind, body, err
}

// answer takes one message of the client to the server.
func (st *starting) answer() error {
	kind, body, err := st.hear()
	if err != nil {
		return err
	}
	if st.unbound && kind == 'p' {
		if err := refuseBinding(body); err != nil {
			st.clients = true
			return err
		}
	}
	b := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
	return st.send(append(b, body...))
}

// waits reports whether the server waits for an answer to a message of
// authentication.
func waits(body []byte) bool {
	if len(body) < 4 {
		return false
	}
	kind := binary.BigEndian.Uint32(body)
	return kind != authOK && kind != saslFinal
}

// parameter notes how the server reads strings, and whether it is still the
// kind of server that is asked for.
func (st *starting) parameter(body []byte) error {
	if value, ok := parameterOf(body, "standard_conforming_strings"); ok {
		st.flights.lenient = value == "off"
	}
	if value, ok := parameterOf(body, hotStandby); ok && !st.choice.stands(value) {
		st.g.server.chooser.forget()
		st.death = "it is not what target_session_attrs asks for any more"
		return &refusal{
			cannotConnectNow, "the database server is not what target_session_attrs asks for any more",
			"The servers have changed their roles: try again in a moment.",
		}
	}
	return nil
}

// refusal notes why the server lets the client not in.
func (st *starting) refusal(body []byte) {
	var e pgproto3.ErrorResponse
	if err := e.Decode(body); err != nil {
		return
	}
	st.g.stats.failed(nil, e.Code)
	if connectionClass(e.Code) {
		st.death = e.Message + " (SQLSTATE " + e.Code + ")"
		return
	}
	st.answered = true
}
