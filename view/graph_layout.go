package view

import (
	"cmp"
	"slices"

	"github.com/syndicate/syndicate/plan"
)

// layout places a graph in columns, one per wave, as time runs: an edge
// leads from what comes first, on the left, to what waits for it. An edge
// over several waves bends through a point in each column between, so that
// it passes no box.
//
// The order within a column comes from sweeps that put each box at the mean
// of its neighbours, the positions from the same with a least distance. All
// of it is deterministic.
type layout struct {
	columns [][]*spot
	boxes   []*spot // of the nodes, in the graph's order
	lines   []route
	width   float64
	height  float64
}

// spot is a box, or a point that an edge passes through.
type spot struct {
	node   *plan.Node // nil for a point
	column int
	x, y   float64 // of the middle of the left side
	w, h   float64
	before []*spot
	after  []*spot
	place  int // in its column
}

// route is an edge with the spots that it leads through.
type route struct {
	edges []plan.Edge // all between the two
	spots []*spot
}

// The measures of the drawing in pixels.
const (
	boxHeight    = 46
	boxGap       = 18
	pointHeight  = 6
	columnGap    = 76
	margin       = 28
	headHeight   = 62
	minBoxWidth  = 118
	boxPadding   = 33
	sweeps       = 12
	maxBendSpots = 20_000

	letterWidth     = 7.85 // of the monospace name, 13 px
	kindLetterWidth = 6.2  // of the kind, 11 px, at most on average
)

func newLayout(g *plan.Graph) *layout {
	l := &layout{}
	byID := make(map[string]*spot, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		s := &spot{node: n, column: max(0, n.Wave-1), h: boxHeight}
		s.w = boxPadding + max(
			float64(len([]rune(nodeName(n))))*letterWidth,
			float64(len(nodeKind(n)))*kindLetterWidth)
		s.w = max(minBoxWidth, s.w)
		byID[n.ID] = s
		l.boxes = append(l.boxes, s)
		l.put(s)
	}
	l.route(g, byID)
	l.arrange()
	l.position()
	return l
}

func (l *layout) put(s *spot) {
	for s.column >= len(l.columns) {
		l.columns = append(l.columns, nil)
	}
	s.place = len(l.columns[s.column])
	l.columns[s.column] = append(l.columns[s.column], s)
}

// route joins the boxes, with bends where an edge passes other columns.
func (l *layout) route(g *plan.Graph, byID map[string]*spot) {
	bends := 0
	for i, e := range g.Edges {
		if e.Implied {
			continue
		}
		if i > 0 && len(l.lines) > 0 {
			last := &l.lines[len(l.lines)-1]
			if prev := last.edges[0]; prev.From == e.From && prev.To == e.To {
				last.edges = append(last.edges, e)
				continue
			}
		}
		from, to := byID[e.To], byID[e.From]
		if from == nil || to == nil {
			continue
		}
		r := route{edges: []plan.Edge{e}, spots: []*spot{from}}
		at := from
		for c := from.column + 1; c < to.column && bends < maxBendSpots; c++ {
			bend := &spot{column: c, h: pointHeight}
			bends++
			l.put(bend)
			join(at, bend)
			r.spots = append(r.spots, bend)
			at = bend
		}
		join(at, to)
		r.spots = append(r.spots, to)
		l.lines = append(l.lines, r)
	}
}

func join(a, b *spot) {
	a.after = append(a.after, b)
	b.before = append(b.before, a)
}

// arrange orders the spots of each column so that few edges cross.
func (l *layout) arrange() {
	best := l.orders()
	fewest := l.crossings()
	for i := range sweeps {
		if fewest == 0 {
			break
		}
		if i%2 == 0 {
			for c := 1; c < len(l.columns); c++ {
				l.sortColumn(c, func(s *spot) []*spot { return s.before })
			}
		} else {
			for c := len(l.columns) - 2; c >= 0; c-- {
				l.sortColumn(c, func(s *spot) []*spot { return s.after })
			}
		}
		if n := l.crossings(); n < fewest {
			fewest, best = n, l.orders()
		}
	}
	l.columns = best
	for _, column := range l.columns {
		for i, s := range column {
			s.place = i
		}
	}
}

func (l *layout) orders() [][]*spot {
	orders := make([][]*spot, len(l.columns))
	for i, column := range l.columns {
		orders[i] = slices.Clone(column)
	}
	return orders
}

// sortColumn puts each spot at the mean place of its neighbours; one without
// stays about where it is.
func (l *layout) sortColumn(c int, neighbours func(*spot) []*spot) {
	column := l.columns[c]
	mean := make(map[*spot]float64, len(column))
	for _, s := range column {
		near := neighbours(s)
		if len(near) == 0 {
			mean[s] = float64(s.place)
			continue
		}
		for _, n := range near {
			mean[s] += float64(n.place) / float64(len(near))
		}
	}
	slices.SortStableFunc(column, func(a, b *spot) int { return cmp.Compare(mean[a], mean[b]) })
	for i, s := range column {
		s.place = i
	}
}

// crossings counts the pairs of edges between neighbouring columns that
// cross, by inserting their ends into a Fenwick tree.
func (l *layout) crossings() int {
	total := 0
	for c := 0; c+1 < len(l.columns); c++ {
		counts := make([]int, len(l.columns[c+1])+1)
		seen := 0
		for _, s := range l.columns[c] {
			ends := make([]int, 0, len(s.after))
			for _, a := range s.after {
				if a.column == c+1 {
					ends = append(ends, a.place)
				}
			}
			for _, end := range ends { // those before that end further down
				upTo := 0
				for i := end + 1; i > 0; i -= i & -i {
					upTo += counts[i]
				}
				total += seen - upTo
			}
			for _, end := range ends {
				for i := end + 1; i < len(counts); i += i & -i {
					counts[i]++
				}
			}
			seen += len(ends)
		}
	}
	return total
}

// position gives every spot its place in the drawing.
func (l *layout) position() {
	x := float64(margin)
	for _, column := range l.columns {
		widest, y := 0.0, 0.0
		for _, s := range column {
			widest = max(widest, s.w)
			s.y = y + s.h/2
			y += s.h + boxGap
		}
		for _, s := range column {
			s.x, s.w = x, widest
		}
		x += widest + columnGap
	}
	l.width = max(360, x-columnGap+margin)
	for i := range sweeps {
		if i%2 == 0 {
			for c := 1; c < len(l.columns); c++ {
				settle(l.columns[c], func(s *spot) []*spot { return s.before })
			}
		} else {
			for c := len(l.columns) - 2; c >= 0; c-- {
				settle(l.columns[c], func(s *spot) []*spot { return s.after })
			}
		}
	}
	top, bottom := 0.0, 0.0
	for i, s := range l.spots() {
		if i == 0 || s.y-s.h/2 < top {
			top = s.y - s.h/2
		}
		if i == 0 || s.y+s.h/2 > bottom {
			bottom = s.y + s.h/2
		}
	}
	for _, s := range l.spots() {
		s.y += headHeight - top
	}
	l.height = headHeight + bottom - top + margin
}

func (l *layout) spots() []*spot { return slices.Concat(l.columns...) }

// settle moves the spots of a column as near as possible to the mean of
// their neighbours while they keep their order and distance: the least sum
// of squares, by pooling those that push one another.
func settle(column []*spot, neighbours func(*spot) []*spot) {
	type pool struct {
		sum  float64 // of the wished positions, each less its offset
		n    int
		last int
	}
	offset := make([]float64, len(column))
	var pools []pool
	for i, s := range column {
		if i > 0 {
			offset[i] = offset[i-1] + (column[i-1].h+s.h)/2 + boxGap
		}
		wish := s.y
		if near := neighbours(s); len(near) > 0 {
			wish = 0
			for _, n := range near {
				wish += n.y / float64(len(near))
			}
		}
		pools = append(pools, pool{wish - offset[i], 1, i})
		for len(pools) > 1 {
			a, b := pools[len(pools)-2], pools[len(pools)-1]
			if a.sum/float64(a.n) <= b.sum/float64(b.n) {
				break
			}
			pools = append(pools[:len(pools)-2], pool{a.sum + b.sum, a.n + b.n, b.last})
		}
	}
	i := 0
	for _, p := range pools {
		for ; i <= p.last; i++ {
			column[i].y = p.sum/float64(p.n) + offset[i]
		}
	}
}
