package plan

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// watchers lists what begins when others exist: tasks run on demand,
// thresholds, boundaries and ways to reach people, in that order.
func watchers(sys *spec.System) []Watcher {
	found := []Watcher{}
	add := func(b spec.Block, notes ...string) {
		notes = slices.DeleteFunc(notes, func(s string) bool { return s == "" })
		found = append(found, Watcher{Addr: b.Addr, Range: b.Range, Notes: notes})
	}
	for _, t := range sys.Tasks {
		if t.Run == "up" {
			continue
		}
		add(t.Block, taskTrigger(t))
	}
	for _, t := range sys.Thresholds {
		add(t.Block, "watches "+t.Watch.Addr.String()+"."+t.Watch.Name)
	}
	for _, b := range sys.Boundaries {
		units := "every service and task"
		switch {
		case b.Idle():
			units = "nothing: what it names is disabled"
		case len(b.Units) > 0:
			units = addrList(b.Units)
		}
		add(b.Block, "errors of "+units)
	}
	for _, n := range sys.Notifies {
		how := "command"
		switch {
		case n.Webhook.IsSet():
			how = "webhook" + hostOf(n.Webhook)
		case n.SMTP != nil:
			how = "mail"
		}
		add(n.Block, "by "+how)
	}
	rank := []spec.Kind{spec.KindTask, spec.KindThreshold, spec.KindBoundary, spec.KindNotify}
	slices.SortStableFunc(found, func(a, b Watcher) int {
		return cmp.Or(
			cmp.Compare(slices.Index(rank, a.Addr.Kind), slices.Index(rank, b.Addr.Kind)),
			a.Addr.Compare(b.Addr))
	})
	return found
}

// hostOf says where a webhook is, which is all of it that may be seen.
func hostOf(webhook spec.Expr[spec.Text]) string {
	text, ok := webhook.Value()
	if !ok {
		return ""
	}
	u, err := url.Parse(text.Reveal())
	if err != nil || u.Host == "" {
		return ""
	}
	return " at " + u.Host
}

func taskTrigger(t *spec.Task) string {
	when := "on demand"
	if t.Schedule != "" {
		when = fmt.Sprintf("at %q %s", t.Schedule, t.Timezone)
	}
	if !t.Queue.IsZero() {
		when += ", in " + t.Queue.String()
	}
	return when
}

func addrList(addrs []spec.Addr) string {
	names := make([]string, len(addrs))
	for i, a := range addrs {
		names[i] = a.String()
	}
	return strings.Join(names, ", ")
}

// unbuilt lists what this version cannot run, in the order of its places.
func unbuilt(sys *spec.System) []Unbuilt {
	list := []Unbuilt{}
	for _, f := range sys.Unbuilt {
		list = append(list, Unbuilt{Addr: f.Addr, Name: f.Name, Range: f.Range})
	}
	slices.SortStableFunc(list, func(a, b Unbuilt) int {
		if c := a.Addr.Compare(b.Addr); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}
