//go:build !linux

package pgtest

import "syscall"

// dieWithTests does nothing where the kernel knows no death signal.
func dieWithTests(*syscall.SysProcAttr) {}
