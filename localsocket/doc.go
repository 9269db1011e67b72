// Package localsocket has what the Unix sockets of a state directory share:
// an address that fits, and who is at the other end. See unix(7).
package localsocket

// Peer is the process at the other end of a connection.
type Peer struct{ UID, PID int }

// maxAddr is the longest address of a Unix socket on every system.
const maxAddr = 103
