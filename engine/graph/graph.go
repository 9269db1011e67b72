package graph

import (
	"cmp"
	"fmt"
	"slices"
)

// Edge says that From needs To.
type Edge[K cmp.Ordered] struct{ From, To K }

// Graph is an immutable directed graph. The zero Graph is empty.
type Graph[K cmp.Ordered] struct {
	nodes []K       // ascending, so that an index is also a rank
	needs [][]int32 // per node, ascending
	used  [][]int32 // the same edges the other way round
}

// New makes a graph. A node or an edge given twice counts once. An edge with
// an end that is no node is an error.
func New[K cmp.Ordered](nodes []K, edges []Edge[K]) (*Graph[K], error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(nodes)))
	index := make(map[K]int32, len(sorted))
	for i, k := range sorted {
		index[k] = int32(i)
	}
	pairs := make([][2]int32, 0, len(edges))
	for _, e := range edges {
		from, ok := index[e.From]
		to, ok2 := index[e.To]
		if !ok || !ok2 {
			return nil, fmt.Errorf("graph: edge %v → %v has an end that is no node", e.From, e.To)
		}
		pairs = append(pairs, [2]int32{from, to})
	}
	return build(sorted, pairs), nil
}

// build makes a graph of sorted nodes and edges by index, repeats allowed.
func build[K cmp.Ordered](nodes []K, pairs [][2]int32) *Graph[K] {
	g := &Graph[K]{nodes: nodes, needs: group(len(nodes), pairs)}
	back := make([][2]int32, 0, len(pairs))
	for i, needs := range g.needs {
		slices.Sort(needs)
		g.needs[i] = slices.Compact(needs)
		for _, need := range g.needs[i] {
			back = append(back, [2]int32{need, int32(i)})
		}
	}
	g.used = group(len(nodes), back)
	return g
}

// group lists, for each first node of a pair, the second ones in the order
// given, in one backing array.
func group(n int, pairs [][2]int32) [][]int32 {
	start := make([]int32, n+1)
	for _, p := range pairs {
		start[p[0]+1]++
	}
	for i := range n {
		start[i+1] += start[i]
	}
	lists := make([][]int32, n)
	backing := make([]int32, len(pairs))
	for i := range n {
		lists[i] = backing[start[i]:start[i]:start[i+1]]
	}
	for _, p := range pairs {
		lists[p[0]] = append(lists[p[0]], p[1])
	}
	return lists
}

// Len returns the number of nodes.
func (g *Graph[K]) Len() int { return len(g.nodes) }

// Nodes returns all nodes in their own order.
func (g *Graph[K]) Nodes() []K { return slices.Clone(g.nodes) }

// Edges returns all edges, by From and then To.
func (g *Graph[K]) Edges() []Edge[K] {
	var edges []Edge[K]
	for i, needs := range g.needs {
		for _, j := range needs {
			edges = append(edges, Edge[K]{g.nodes[i], g.nodes[j]})
		}
	}
	return edges
}

// Needs returns what k needs directly.
func (g *Graph[K]) Needs(k K) []K { return g.near(g.needs, k) }

// NeededBy returns what needs k directly.
func (g *Graph[K]) NeededBy(k K) []K { return g.near(g.used, k) }

func (g *Graph[K]) near(lists [][]int32, k K) []K {
	i, ok := slices.BinarySearch(g.nodes, k)
	if !ok {
		return nil
	}
	return g.names(lists[i])
}

// Ancestors returns everything that k needs, directly or not. k itself is
// among them only where it is on a cycle.
func (g *Graph[K]) Ancestors(k K) []K { return g.reach(g.needs, k) }

// Descendants returns everything that needs k, directly or not.
func (g *Graph[K]) Descendants(k K) []K { return g.reach(g.used, k) }

func (g *Graph[K]) reach(lists [][]int32, k K) []K {
	i, ok := slices.BinarySearch(g.nodes, k)
	if !ok {
		return nil
	}
	seen := make([]bool, len(g.nodes))
	var found []int32
	for todo := []int32{int32(i)}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, next := range lists[at] {
			if !seen[next] {
				seen[next] = true
				found = append(found, next)
				todo = append(todo, next)
			}
		}
	}
	slices.Sort(found)
	return g.names(found)
}

// Reverse returns the graph with every edge turned round: the order of a
// shutdown.
func (g *Graph[K]) Reverse() *Graph[K] {
	return &Graph[K]{nodes: g.nodes, needs: g.used, used: g.needs}
}

func (g *Graph[K]) names(indices []int32) []K {
	if len(indices) == 0 {
		return nil
	}
	names := make([]K, len(indices))
	for i, at := range indices {
		names[i] = g.nodes[at]
	}
	return names
}
