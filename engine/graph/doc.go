// Package graph is a directed graph of needs: an edge From → To says that
// From needs To, so To comes first.
//
// A [Graph] never changes once it is made, and nothing it returns depends on
// the order in which nodes and edges were given: equal choices are decided
// by the nodes' own order. Nothing recurses, so a chain of a million nodes
// costs memory in the heap and not the stack. Self-edges are kept: they are
// cycles of one.
//
// The package knows nothing of services. Everything about order (Order,
// Waves, CriticalPath, Reduce) speaks of the nodes that can be ordered;
// nodes on a cycle, or that need one, are left out, and Cycles tells why.
package graph
