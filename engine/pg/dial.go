package pg

import (
	"net"
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

// watchful has connections of a config notice when their peer vanishes.
func watchful(cfg *pgx.ConnConfig) {
	dialer := &net.Dialer{
		Timeout:         cfg.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probeAfter, Interval: probeEvery, Count: probes},
		Control:         boundUnacknowledged,
	}
	cfg.DialFunc = dialer.DialContext
}
