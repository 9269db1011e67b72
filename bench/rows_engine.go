//go:build linux

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver that journalRow locks a database with
)

func idleManyRow() row {
	return row{
		name: "idle-1000", title: "Many idle services: memory and CPU of the tool and its helpers, at rest and after 8 changes",
		goal:    "1,000 of them below 60 MiB PSS",
		columns: []string{"PSS MiB", "after changes MiB", "CPU ms in the window", "processes"}, most: 3, bound: 3 * time.Minute,
		entrants: func(b *bench) []entrant {
			return b.named([]string{"syndicate", "supervisord"}, func(ctx context.Context, t *trial, tl tool) (sample, error) {
				services := trivial(b.scale.services)
				l, err := t.up(ctx, tl, services)
				if err != nil {
					return sample{}, err
				}
				before, after := t.atRest(ctx)
				for i := range asked {
					if _, err := t.change(ctx, tl, l, services, i); err != nil {
						return sample{}, err
					}
				}
				_, changed := t.atRest(ctx)
				return sample{values: []float64{
					float64(after.pss) / 1024, float64(changed.pss) / 1024,
					float64((after.cpu - before.cpu).Milliseconds()), float64(changed.processes),
				}}, nil
			})
		},
	}
}

// atRest measures the tool at the beginning and at the end of a window that
// begins once it has come to rest.
func (t *trial) atRest(ctx context.Context) (before, after usage) {
	sleep(ctx, 5*time.Second)
	_, others := t.tree.descendants()
	before = measure(others, false)
	sleep(ctx, t.scale.window)
	_, others = t.tree.descendants()
	return before, measure(others, true)
}

// journalRow starts services with a journal that cannot be written, since
// another program has its lock, and with one that can.
func journalRow() row {
	locked := "journal locked"
	return row{
		name: "journal", title: "Trivial services started, with the journal and without: processor time of all that is no service",
		goal:    "1,000 of them: at most 1.05 of what it is with the journal locked by another program",
		columns: []string{"CPU ms", "ms"}, reference: locked, bound: 90 * time.Second,
		entrants: func(b *bench) []entrant {
			measure := func(lock bool) func(context.Context, *trial) (sample, error) {
				return func(ctx context.Context, t *trial) (sample, error) { return t.journalled(ctx, lock) }
			}
			return []entrant{{name: locked, measure: measure(true)}, {name: "syndicate", measure: measure(false)}}
		},
	}
}

// journalled starts services in a state directory that has a journal from a
// life before, whose lock the harness may hold.
func (t *trial) journalled(ctx context.Context, lock bool) (sample, error) {
	tl := t.tools()[0]
	if err := t.life(ctx, tl); err != nil {
		return sample{}, fmt.Errorf("make a journal: %w", err)
	}
	if lock {
		release, err := lockJournal(ctx, t.path(".syndicate", "bench", "state.db"))
		if err != nil {
			return sample{}, err
		}
		defer release()
	}
	if _, err := t.run(tl, trivial(t.scale.services), options{}); err != nil {
		return sample{}, err
	}
	s, err := t.untilStarted(ctx, t.scale.services)
	if err != nil {
		return sample{}, err
	}
	sleep(ctx, 500*time.Millisecond) // the last batch is written
	_, others := t.tree.descendants()
	return sample{values: []float64{ms(int64(cpuTime(others))), s.values[0]}}, nil
}

// life starts the tool with one service, and stops it.
func (t *trial) life(ctx context.Context, tl tool) error {
	l, err := t.run(tl, trivial(1), options{})
	if err != nil {
		return err
	}
	if _, err := t.waitEvents(ctx, 1, 10*time.Millisecond, started(1)); err != nil {
		return err
	}
	services, others := t.tree.descendants()
	if err := t.stop(l); err != nil {
		return err
	}
	if _, _, err := t.allGone(ctx, services, others); err != nil {
		return err
	}
	return os.Remove(t.events)
}

// lockJournal begins to write a database, so that nobody else can.
func lockJournal(ctx context.Context, path string) (release func(), err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=rw&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the journal: %w", err), db.Close())
	}
	return func() {
		_ = tx.Rollback()
		_ = db.Close()
	}, nil
}

// deathRow kills the engine: nobody is left to stop its services but who
// was made for it.
func deathRow() row {
	return row{
		name: "death", title: "The tool is killed with SIGKILL: until the last process of its services' trees has ended",
		goal:    "100 services with a child and a daemon each: under 1 s",
		columns: []string{"ms", "processes"},
		entrants: func(b *bench) []entrant {
			return ours(b, func(ctx context.Context, t *trial, tl tool) (sample, error) {
				services := make([]service, b.scale.death)
				for i := range services {
					name := fmt.Sprintf("s%d", i)
					services[i] = service{name: name, args: []string{"tree", name}}
				}
				if _, err := t.run(tl, services, options{}); err != nil {
					return sample{}, err
				}
				total := treeSize * len(services)
				all, err := t.waitEvents(ctx, total, 30*time.Millisecond, func(all []event) bool { return len(all) >= total })
				if err != nil {
					return sample{}, err
				}
				sleep(ctx, time.Second)
				pids := make([]int, 0, total)
				for _, e := range all {
					pids = append(pids, e.pid)
				}
				at := now()
				if err := t.main.Process.Signal(syscall.SIGKILL); err != nil {
					return sample{}, err
				}
				end, err := gone(ctx, pids)
				if err != nil {
					return sample{}, err
				}
				return sample{values: []float64{ms(end - at), float64(len(pids))}}, nil
			})
		},
	}
}

// treeSize is how many processes the probe service is in mode tree.
const treeSize = 3
