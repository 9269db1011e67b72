package decode

import (
	"slices"

	"github.com/syndicate/syndicate/spec"
)

// build decodes every living instance, in order of address, and then draws
// the edges between them.
func (l *loader) build() {
	g := &edges{l: l, byKey: map[edgeKey]int{}}
	var all []*decoder
	for _, b := range l.ordered {
		for _, in := range b.living() {
			d := &decoder{l: l, e: l.eval, in: in}
			d.decode()
			d.waits()
			g.draw(d)
			if len(d.addresses) > 0 {
				all = append(all, d)
			}
		}
	}
	g.finish()
	l.checkAddresses(all, g)
}

// base returns what every block has.
func (d *decoder) base(critical bool) spec.Block {
	return spec.Block{Addr: d.in.addr, Range: rangeOf(d.in.head.DefRange), Critical: critical}
}

// decode decodes the instance by its kind.
func (d *decoder) decode() {
	s := d.l.system
	switch doc := d.in.doc.(type) {
	case *serviceDoc:
		s.Services = append(s.Services, d.service(doc))
	case *taskDoc:
		s.Tasks = append(s.Tasks, d.task(doc))
	case *databaseDoc:
		s.Databases = append(s.Databases, d.database(doc))
	case *breakerDoc:
		s.Breakers = append(s.Breakers, d.breaker(doc))
	case *queueDoc:
		s.Queues = append(s.Queues, d.queue(doc))
	case *thresholdDoc:
		s.Thresholds = append(s.Thresholds, d.threshold(doc))
	case *boundaryDoc:
		s.Boundaries = append(s.Boundaries, d.boundary(doc))
	case *notifyDoc:
		s.Notifies = append(s.Notifies, d.notify(doc))
	}
	d.l.unbuilt(d.in.addr, d.in.doc)
}

// waits resolves depends_on, after and no_wait.
func (d *decoder) waits() {
	c := d.in.common
	d.dependsOn = d.conditions(c.DependsOn)
	d.after = d.conditions(c.After)
	for _, t := range d.targets(c.NoWait) {
		if d.isBlock(t, "a block", spec.Kinds) {
			d.noWait = append(d.noWait, t)
		}
	}
	d.contradictions()
}

// contradictions reports a block that stands in two of the lists.
func (d *decoder) contradictions() {
	if len(d.after)+len(d.noWait) == 0 {
		return
	}
	seen := map[spec.Addr]string{}
	look := func(list string, t *target) {
		for _, in := range t.instances {
			switch other := seen[in.addr]; other {
			case "", list:
				seen[in.addr] = list
			default:
				d.report(mistake(CodeOrder, t.at, "Contradicting order", in.addr.String()+
					" stands in both "+other+" and "+list+": keep the one that is meant."))
				return
			}
		}
	}
	for _, c := range d.dependsOn {
		look("depends_on", c.target)
	}
	for _, c := range d.after {
		look("after", c.target)
	}
	for _, t := range d.noWait {
		look("no_wait", t)
	}
}

// contains reports whether one of the targets names an instance.
func contains(targets []*target, in *instance) bool {
	return slices.ContainsFunc(targets, func(t *target) bool { return slices.Contains(t.instances, in) })
}
