//go:build !linux || race

package socket

import "net"

// Quick returns conn. For the race detector too: it learns what one end of a
// connection tells the other from the calls of package syscall.
func Quick(conn net.Conn) net.Conn { return conn }

// WriteBoth writes two pieces as if they were one, with one call where that
// takes both.
func WriteBoth(conn net.Conn, b, then []byte) (int, error) { return writeBoth(conn, b, then) }

// WriteBothNow writes what the kernel takes of two pieces at once, and returns
// how much that is: here nothing.
func WriteBothNow(net.Conn, []byte, []byte) int { return 0 }

// Arrived reports whether something can be read from a connection, its
// end and its failure included, without reading it. Nobody else may read
// meanwhile.
func Arrived(conn net.Conn) bool { return arrived(conn) }
