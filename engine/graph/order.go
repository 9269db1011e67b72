package graph

import "slices"

// Order returns the nodes so that each comes after all it needs. Of several
// that could come next the least does.
func (g *Graph[K]) Order() []K { return g.names(g.order()) }

// order is Kahn's algorithm over a heap of ranks.
func (g *Graph[K]) order() []int32 {
	missing := make([]int32, len(g.nodes))
	var ready minHeap
	for i, needs := range g.needs {
		if missing[i] = int32(len(needs)); missing[i] == 0 {
			ready = append(ready, int32(i)) // ascending, so already a heap
		}
	}
	order := make([]int32, 0, len(g.nodes))
	for len(ready) > 0 {
		at := ready.pop()
		order = append(order, at)
		for _, next := range g.used[at] {
			if missing[next]--; missing[next] == 0 {
				ready.push(next)
			}
		}
	}
	return order
}

// Waves returns the nodes in levels: the first needs nothing, and each
// further one needs at least one node of the level before it. Each level is
// in the nodes' own order.
func (g *Graph[K]) Waves() [][]K {
	level := make([]int, len(g.nodes))
	var waves [][]int32
	for _, at := range g.order() {
		for _, need := range g.needs[at] {
			level[at] = max(level[at], level[need]+1)
		}
		if level[at] == len(waves) {
			waves = append(waves, nil)
		}
		waves[level[at]] = append(waves[level[at]], at)
	}
	named := make([][]K, len(waves))
	for i, wave := range waves {
		slices.Sort(wave)
		named[i] = g.names(wave)
	}
	return named
}

// CriticalPath returns the chain of needs with the greatest sum of weights,
// first node first, and that sum. A negative weight counts as 0. Of several
// such chains it returns one with the most nodes, and of those the one whose
// later nodes are least.
func (g *Graph[K]) CriticalPath(weight func(K) int64) ([]K, int64) {
	const none = -1
	type best struct {
		sum  int64
		len  int
		prev int32
	}
	longest := make([]best, len(g.nodes))
	end := int32(none)
	better := func(a, b best) bool {
		return a.sum > b.sum || a.sum == b.sum && a.len > b.len
	}
	for _, at := range g.order() {
		b := best{prev: none}
		for _, need := range g.needs[at] {
			if n := longest[need]; b.prev == none || better(n, b) {
				b.sum, b.len, b.prev = n.sum, n.len, need
			}
		}
		b.sum += max(0, weight(g.nodes[at]))
		b.len++
		longest[at] = b
		if end == none || better(b, longest[end]) || b.sum == longest[end].sum && b.len == longest[end].len && at < end {
			end = at
		}
	}
	if end == none {
		return nil, 0
	}
	var path []int32
	for at := end; at != none; at = longest[at].prev {
		path = append(path, at)
	}
	slices.Reverse(path)
	return g.names(path), longest[end].sum
}

// Reduce returns the graph without the edges that others imply: where a
// needs b and b needs c, an edge from a to c goes. What needs what, directly
// or not, stays. Nodes that cannot be ordered keep their edges.
func (g *Graph[K]) Reduce() *Graph[K] {
	order := g.order()
	rank := make([]int32, len(g.nodes))
	for i := range rank {
		rank[i] = -1
	}
	for i, at := range order {
		rank[at] = int32(i)
	}
	kept := make([][]int32, len(g.nodes))
	seen := make([]int32, len(g.nodes)) // the last node whose needs were marked here, plus 1
	var todo []int32
	for _, at := range order {
		// From the latest need to the earliest: what one that is kept
		// reaches is implied. Nothing before the earliest matters.
		needs := slices.Clone(g.needs[at])
		slices.SortFunc(needs, func(a, b int32) int { return int(rank[b] - rank[a]) })
		for i, need := range needs {
			if seen[need] == at+1 {
				continue
			}
			kept[at] = append(kept[at], need)
			if i == len(needs)-1 {
				break
			}
			earliest := rank[needs[len(needs)-1]]
			for todo = append(todo[:0], need); len(todo) > 0; {
				from := todo[len(todo)-1]
				todo = todo[:len(todo)-1]
				for _, next := range kept[from] {
					if seen[next] != at+1 && rank[next] >= earliest {
						seen[next] = at + 1
						todo = append(todo, next)
					}
				}
			}
		}
	}
	var pairs [][2]int32
	for i := range g.nodes {
		if rank[i] < 0 {
			kept[i] = g.needs[i]
		}
		for _, need := range kept[i] {
			pairs = append(pairs, [2]int32{int32(i), need})
		}
	}
	return build(g.nodes, pairs)
}

// minHeap is a binary heap of ranks, least first.
type minHeap []int32

func (h *minHeap) push(v int32) {
	*h = append(*h, v)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if s[up] <= s[i] {
			break
		}
		s[up], s[i] = s[i], s[up]
		i = up
	}
}

func (h *minHeap) pop() int32 {
	s := *h
	least := s[0]
	last := len(s) - 1
	s[0] = s[last]
	s = s[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if down+1 < last && s[down+1] < s[down] {
			down++
		}
		if s[i] <= s[down] {
			break
		}
		s[i], s[down] = s[down], s[i]
		i = down
	}
	*h = s
	return least
}
