//go:build !linux

package socket

import "net"

// Quick returns conn.
func Quick(conn net.Conn) net.Conn { return conn }
