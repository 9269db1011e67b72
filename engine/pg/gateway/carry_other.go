//go:build !linux

package gateway

// loop is none: there is no epoll(7).
type loop struct{}

func startLoops() []*loop { return nil }

func (*loop) end() {}

// carriage is a session that a loop carries.
type carriage struct{}

func (*carriage) release() {}

// carry returns at once: without a loop sessions walk.
func (*session) carry(_, _ func([]byte)) (up, down []byte) { return nil, nil }
