package migration

import (
	"context"
	"fmt"
	"slices"
)

// catchUp records what another tool did since the ledger was written.
func (r *run) catchUp(ctx context.Context) error {
	s := r.ledger.standing(r.files)
	if r.ledger.Dirty || len(s.adopted) == 0 && len(s.undone) == 0 {
		return nil
	}
	var sql []string
	names := map[Action][]string{}
	add := func(versions []uint64, action Action) {
		for _, v := range versions {
			row := r.known(v)
			row.Action, row.Outcome, row.After, row.Note = action, Done, s.head, "by another tool"
			sql = append(sql, r.session.sql.entry(row, false))
			names[action] = append(names[action], label(v, row.Name))
		}
	}
	add(s.adopted, ActionAdopted)
	add(s.undone, ActionUndone)
	if err := r.session.exec(ctx, transaction(sql...)); err != nil {
		return r.failed(ctx, "record what another tool did", err)
	}
	for _, said := range []struct {
		action Action
		text   string
	}{{ActionAdopted, "applied"}, {ActionUndone, "undone"}} {
		if list := names[said.action]; len(list) > 0 {
			r.cfg.Progress(Event{Kind: EventAdopted, Text: fmt.Sprintf("%s by another tool, and recorded so now", span(list)+" "+said.text)})
		}
	}
	ledger, err := readLedger(ctx, r.session.conn)
	if err != nil {
		return r.failed(ctx, "read the ledger", err)
	}
	r.ledger, r.result.Ledger = ledger, ledger
	return nil
}

// span names the ends of a list.
func span(list []string) string {
	switch n := len(list); n {
	case 1:
		return list[0] + " was"
	default:
		return fmt.Sprintf("%s to %s (%d files) were", list[0], list[n-1], n)
	}
}

// known is the row of a version, filled with what its file says.
func (r *run) known(v uint64) Row {
	for _, f := range r.files {
		if f.Version == v {
			return Row{Version: v, Name: f.Name, UpSum: f.UpSum, DownSum: f.DownSum}
		}
	}
	for _, row := range slices.Backward(r.ledger.Rows) {
		if row.Version == v {
			return Row{Version: v, Name: row.Name, UpSum: row.UpSum, DownSum: row.DownSum}
		}
	}
	return Row{Version: v}
}
