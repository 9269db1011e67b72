// Package socket reads and writes connections for programs that relay what
// passes, or answer what they know, and do little else.
//
// What Go's own connections take beside the system call is small, but telling
// the scheduler of a call that never blocks has its monitor woken for each,
// and the processor handed to another thread where the kernel delivers over
// loopback what was written. See [Quick].
package socket
