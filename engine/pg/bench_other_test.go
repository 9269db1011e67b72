//go:build !linux

package pg

import "syscall"

// dieWithTests does nothing here: the system has no death signal.
func dieWithTests(*syscall.SysProcAttr) {}
