package graph

import "slices"

// Cycles returns up to limit cycles, in order of their first nodes. Each is
// a path of needs that leads from its last node back to its first, which is
// its least; a node that needs itself is a path of one. No two share an
// edge, so each takes a change of its own to break, and a graph for which
// there are none has no cycle at all. Each is the shortest one through its
// least node among the edges that were left when it was found.
func (g *Graph[K]) Cycles(limit int) [][]K {
	var cycles [][]int32
	rest := g.needs
	for len(cycles) < limit {
		found := g.cyclesIn(rest, limit-len(cycles))
		if len(found) == 0 {
			break
		}
		cycles = append(cycles, found...)
		rest = without(rest, found)
	}
	slices.SortStableFunc(cycles, func(a, b []int32) int { return slices.Compare(a, b) })
	named := make([][]K, len(cycles))
	for i, c := range cycles {
		named[i] = g.names(c)
	}
	return named
}

// cyclesIn finds the self-edges, and else one shortest cycle through the
// least node of each strongly connected component.
func (g *Graph[K]) cyclesIn(needs [][]int32, limit int) [][]int32 {
	var found [][]int32
	for i, list := range needs {
		if _, ok := slices.BinarySearch(list, int32(i)); ok && len(found) < limit {
			found = append(found, []int32{int32(i)})
		}
	}
	if len(found) > 0 {
		return found
	}
	component, size := components(needs)
	done := make([]bool, len(size))
	for i, c := range component {
		if size[c] < 2 || done[c] {
			continue
		}
		if len(found) == limit {
			break
		}
		done[c] = true
		found = append(found, shortest(needs, component, int32(i)))
	}
	return found
}

// shortest returns the shortest cycle through start inside its component, by
// breadth-first search.
func shortest(needs [][]int32, component []int32, start int32) []int32 {
	prev := map[int32]int32{start: start}
	for queue := []int32{start}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, next := range needs[at] {
			if next == start {
				path := []int32{at}
				for at != start {
					at = prev[at]
					path = append(path, at)
				}
				slices.Reverse(path)
				return path
			}
			if _, seen := prev[next]; !seen && component[next] == component[start] {
				prev[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// without returns the edges that are on none of the cycles.
func without(needs [][]int32, cycles [][]int32) [][]int32 {
	rest := slices.Clone(needs)
	for _, c := range cycles {
		for i, at := range c {
			next := c[(i+1)%len(c)]
			rest[at] = slices.DeleteFunc(slices.Clone(rest[at]), func(n int32) bool { return n == next })
		}
	}
	return rest
}

// components is Tarjan's algorithm with a stack of its own: for each node
// the number of its strongly connected component, and the components' sizes.
func components(needs [][]int32) (component []int32, size []int32) {
	n := len(needs)
	component = make([]int32, n)
	index := make([]int32, n) // from 1; 0 is not visited
	low := make([]int32, n)
	onStack := make([]bool, n)
	next := make([]int32, n) // per node, the edge to follow next
	var stack, path []int32
	count := int32(0)
	enter := func(at int32) {
		count++
		index[at], low[at] = count, count
		onStack[at] = true
		stack = append(stack, at)
		path = append(path, at)
	}
	for root := range int32(n) {
		if index[root] != 0 {
			continue
		}
		for enter(root); len(path) > 0; {
			at := path[len(path)-1]
			if int(next[at]) < len(needs[at]) {
				to := needs[at][next[at]]
				next[at]++
				if index[to] == 0 {
					enter(to)
				} else if onStack[to] {
					low[at] = min(low[at], index[to])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				up := path[len(path)-1]
				low[up] = min(low[up], low[at])
			}
			if low[at] != index[at] {
				continue
			}
			size = append(size, 0)
			for {
				top := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				onStack[top] = false
				component[top] = int32(len(size) - 1)
				size[len(size)-1]++
				if top == at {
					break
				}
			}
		}
	}
	return component, size
}
