// Package relay accepts TCP connections and forwards what they and those to an
// upstream send one another.
//
// On Linux none of that goes through Go's network poller. A loop over epoll(7)
// accepts what comes, connects to where it is to go, reads whatever has arrived
// for all connections in turn and writes it on, on one goroutine, and on more
// only while many have something to say at once. A goroutine for each way of
// each connection is simpler, and where few have something to say at a time as
// quick; but of many that are woken together, Go's scheduler has other threads
// take some, and where client, server and relay share a machine with few
// processors, these threads take from the others what they give. Elsewhere, and
// where the kernel has no descriptors left for a loop, there are the two
// goroutines, and package net.
//
//	accepted ──Connect──▶ connecting ──▶ forwarding ──▶ ended
//	   │  ▲                   │
//	 Reset └──────Failed──────┘
//
// Both ways of a pair are independent: one that ends is passed on as an end
// (shutdown(2)), and the other goes on. A reset, or an error in writing, ends
// both with a reset. What one side does not take is not read from the other
// one: a way holds at most what one read or splice(2) has brought.
package relay
