//go:build !linux

package probe

import "errors"

// Listen fails: telling who sent a datagram needs Linux.
func (n *Notifier) Listen(NotifyConfig) (*Socket, error) {
	return nil, errors.New("open notify socket: notify probes need Linux; use http, tcp, log or file")
}
