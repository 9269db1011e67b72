package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

// serviceManager is who started this process and wants to be told how it does,
// as a systemd service with Type=notify has it: see sd_notify(3). The nil one
// is nobody.
type serviceManager struct{ socket string }

// tellTime bounds the waiting for a service manager that reads nothing: the
// engine waits, too.
const tellTime = 100 * time.Millisecond

// findServiceManager finds it by its variable, which no service is passed on
// (package decode).
func findServiceManager() *serviceManager {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	return &serviceManager{socket}
}

// tell sends an assignment such as READY=1.
func (m *serviceManager) tell(assignment string) error {
	if m == nil {
		return nil
	}
	// A name in the abstract namespace begins with @, as Go has it, too.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the service manager %s: %w", assignment, err)
	}
	defer conn.Close()
	if err = conn.SetWriteDeadline(time.Now().Add(tellTime)); err == nil {
		_, err = conn.Write([]byte(assignment))
	}
	if err != nil {
		return fmt.Errorf("tell the service manager %s: %w", assignment, err)
	}
	return nil
}
