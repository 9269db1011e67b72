// Package relay forwards what two TCP connections send one another.
//
// On Linux the connections leave Go's network poller for a loop of their own
// over epoll(7), which reads whatever has arrived for all of them in turn and
// writes it on, on one goroutine. A goroutine for each way of each connection
// is simpler, and where few have something to say at a time as quick; but of
// many that are woken together, Go's scheduler has other threads take some,
// and where client, server and relay share a machine with few processors,
// these threads take from the others what they give. Elsewhere, and where the
// kernel has no descriptors left for a loop, there are the two goroutines.
//
// Both ways of a pair are independent: one that ends is passed on as an end
// (shutdown(2)), and the other goes on. A reset, or an error in writing, ends
// both with a reset. What one side does not take is not read from the other
// one: a way holds at most what one read or splice(2) has brought.
package relay
