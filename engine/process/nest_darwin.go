package process

import "errors"

// nest is nothing on macOS: threads have one table of descriptors.
type nest struct{ kept []int }

func onMainThread() bool { return false }

func newNest(...int) (*nest, error) {
	return nil, errors.New("macOS has no tables of descriptors for threads")
}

func (n *nest) settle() error { return nil }

func (n *nest) send([]int) error { return nil }

func (n *nest) receive(int) ([]int, error) { return nil, nil }

func (n *nest) release([]int) {}

func (n *nest) close() {}
