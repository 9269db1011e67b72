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
// It sorts pairs in place.
func build[K cmp.Ordered](nodes []K, pairs [][2]int32) *Graph[K] {
	slices.SortFunc(pairs, func(a, b [2]int32) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	pairs = slices.Compact(pairs)
	g := &Graph[K]{nodes: nodes}
	g.needs = adjacency(len(nodes), pairs, 0, 1)
	g.used = adjacency(len(nodes), pairs, 1, 0)
	return g
}

// adjacency lists, for each node at end from of a pair, the nodes at end to,
// in one backing array.
func adjacency(n int, pairs [][2]int32, from, to int) [][]int32 {
	count := make([]int32, n+1)
	for _, p := range pairs {
		count[p[from]+1]++
	}
	for i := range n {
		count[i+1] += count[i]
	}
	lists := make([][]int32, n)
	backing := make([]int32, len(pairs))
	for i := range n {
		lists[i] = backing[count[i]:count[i]:count[i+1]]
	}
	for _, p := range pairs {
		lists[p[from]] = append(lists[p[from]], p[to])
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
