//go:build !linux

package footprint

// Shed does nothing here.
func Shed() {}
