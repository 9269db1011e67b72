package pg

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A peer that vanished, or a network that swallows packets, is noticed within
// vanished: by probes while nothing is under way, and by what was sent and
// never acknowledged. Else a statement would wait for hours.
const (
	probeAfter = 10 * time.Second
	probeEvery = 5 * time.Second
	probes     = 3
	vanished   = probeAfter + probes*probeEvery
)

// Liveness is how a TCP connection notices that its peer has vanished.
type Liveness struct {
	// KeepAlive are the probes of a connection on which nothing is under way.
	KeepAlive net.KeepAliveConfig
	// Unacknowledged bounds how long sent bytes may go unacknowledged, or
	// unsent since the peer takes none (TCP_USER_TIMEOUT in tcp(7)); 0 leaves
	// that to the kernel. Only Linux has it.
	Unacknowledged time.Duration
}

// Dialer returns one whose connections have it.
func (l Liveness) Dialer() *net.Dialer {
	// KeepAlive, where the probes are off, keeps Go from having its own.
	return &net.Dialer{KeepAlive: -1, KeepAliveConfig: l.KeepAlive, Control: l.control}
}

// liveness are the parameters of libpq, which are no settings of the server
// (PostgreSQL's manual, 34.1.2, "Parameter Key Words").
var liveness = []string{"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"}

// TakeLiveness removes libpq's parameters of it from those of a connection,
// and returns what they say. As with libpq keepalives=0 turns probes off, and
// 0 elsewhere is the kernel's own value. What is not there is this package's
// choice: 25 seconds.
func TakeLiveness(params map[string]string) (Liveness, error) {
	values := make(map[string]int, len(liveness))
	for _, name := range liveness {
		text, ok := params[name]
		if !ok {
			continue
		}
		delete(params, name)
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 0 || n > math.MaxInt32 {
			return Liveness{}, fmt.Errorf("%s is no whole number", name)
		}
		values[name] = n
	}
	l := Liveness{
		KeepAlive:      net.KeepAliveConfig{Enable: true, Idle: probeAfter, Interval: probeEvery, Count: probes},
		Unacknowledged: vanished,
	}
	if n, ok := values["keepalives"]; ok {
		l.KeepAlive.Enable = n != 0
	}
	seconds := func(name string, to *time.Duration) {
		if n, ok := values[name]; ok {
			if *to = time.Duration(n) * time.Second; n == 0 {
				*to = -1
			}
		}
	}
	seconds("keepalives_idle", &l.KeepAlive.Idle)
	seconds("keepalives_interval", &l.KeepAlive.Interval)
	if n, ok := values["keepalives_count"]; ok {
		if l.KeepAlive.Count = n; n == 0 {
			l.KeepAlive.Count = -1
		}
	}
	if n, ok := values["tcp_user_timeout"]; ok {
		l.Unacknowledged = time.Duration(n) * time.Millisecond
	}
	return l, nil
}

// watchful has connections of a config notice when their peer vanishes.
func watchful(cfg *pgx.ConnConfig) error {
	l, err := TakeLiveness(cfg.RuntimeParams)
	if err != nil {
		return err
	}
	cfg.DialFunc = l.Dialer().DialContext
	return nil
}
