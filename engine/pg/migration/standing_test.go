package migration

import (
	"fmt"
	"strings"
	"testing"
)

// The ledger and golang-migrate's table, against the files.
func TestEntries(t *testing.T) {
	at := func(v uint64) *uint64 { return &v }
	row := func(id int64, action Action, version uint64, after *uint64) Row {
		return Row{ID: id, Action: action, Outcome: Done, Version: version, Name: "n", UpSum: fmt.Sprint("sum ", version), After: after}
	}
	var files []File
	for _, v := range []uint64{1, 2, 4, 6} {
		files = append(files, File{Version: v, Name: "n", Up: "u", UpSum: fmt.Sprint("sum ", v)})
	}
	edited := []File{files[0], files[1], files[2], files[3]}
	edited[1].UpSum = "another"
	late := []File{files[0], files[1], files[2], files[3]}
	late[1].OutOfOrder = true
	downs := []File{files[0], files[1]}
	downs[0].DownSum, downs[1].DownSum = "written later", "edited"
	known := row(2, ActionUp, 2, at(2))
	known.DownSum = "as it was"
	agreed := known
	agreed.Action, agreed.DownSum = ActionAccepted, "edited"
	up := []Row{row(1, ActionUp, 1, at(1)), row(2, ActionUp, 4, at(4))}
	half := Row{ID: 3, Action: ActionUp, Outcome: Stopped, Version: 6, After: at(6)}
	for name, test := range map[string]struct {
		ledger Ledger
		files  []File
		want   string
	}{
		"nothing":                          {Ledger{None: true}, files, "1 pending, 2 pending, 4 pending, 6 pending"},
		"taken over":                       {Ledger{Version: 4}, files, "1 applied, 2 applied, 4 applied, 6 pending"},
		"dirty":                            {Ledger{Version: 4, Dirty: true}, files, "1 applied, 2 applied, 4 dirty, 6 pending"},
		"unknown":                          {Ledger{Version: 5}, files, "1 applied, 2 applied, 4 applied, 5 missing, 6 pending"},
		"out of order":                     {Ledger{Version: 4, Rows: up}, files, "1 applied, 2 out of order, 4 applied, 6 pending"},
		"permitted":                        {Ledger{Version: 4, Rows: up}, late, "1 applied, 2 out of order (permitted), 4 applied, 6 pending"},
		"edited":                           {Ledger{Version: 2, Rows: []Row{row(1, ActionUp, 2, at(2))}}, edited, "1 out of order, 2 edited, 4 pending, 6 pending"},
		"accepted":                         {Ledger{Version: 4, Rows: append(up[:2:2], Row{ID: 3, Action: ActionAccepted, Outcome: Done, Version: 4, UpSum: "sum 4", After: at(4)})}, files, "1 applied, 2 out of order, 4 applied, 6 pending"},
		"down files":                       {Ledger{Version: 2, Rows: []Row{row(1, ActionUp, 1, at(1)), known}}, downs, "1 applied, 2 applied (down edited)"},
		"down files, accepted":             {Ledger{Version: 2, Rows: []Row{row(1, ActionUp, 1, at(1)), known, agreed}}, downs, "1 applied, 2 applied"},
		"down files, undone":               {Ledger{Version: 1, Rows: []Row{row(1, ActionUp, 1, at(1)), known, row(3, ActionDown, 2, at(1))}}, downs, "1 applied, 2 pending"},
		"missing":                          {Ledger{Version: 4, Rows: up}, files[:1], "1 applied, 4 missing"},
		"retired":                          {Ledger{Version: 4, Rows: append(up[:2:2], row(3, ActionRetired, 4, at(4)))}, files[:1], "1 applied, 4 retired"},
		"moved on":                         {Ledger{Version: 6, Rows: up}, files, "1 applied, 2 out of order, 4 applied, 6 applied"},
		"moved back":                       {Ledger{Version: 1, Rows: up}, files, "1 applied, 2 pending, 4 pending, 6 pending"},
		"moved to none":                    {Ledger{None: true, Rows: up}, files, "1 pending, 2 pending, 4 pending, 6 pending"},
		"undone":                           {Ledger{Version: 1, Rows: append(up[:2:2], row(3, ActionDown, 4, at(1)))}, files, "1 applied, 2 pending, 4 pending, 6 pending"},
		"half":                             {Ledger{Version: 6, Dirty: true, Rows: append(up[:2:2], half)}, files, "1 applied, 2 out of order, 4 applied, 6 half done"},
		"half, and then forced by another": {Ledger{Version: 6, Rows: append(up[:2:2], half)}, files, "1 applied, 2 out of order, 4 applied, 6 applied"},
	} {
		t.Run(name, func(t *testing.T) {
			var all []string
			for _, e := range test.ledger.Entries(test.files) {
				text := fmt.Sprint(e.Version, " ", e.State)
				if e.Permitted {
					text += " (permitted)"
				}
				if e.DownEdited {
					text += " (down edited)"
				}
				all = append(all, text)
			}
			if got := strings.Join(all, ", "); got != test.want {
				t.Errorf("%s\nwant %s", got, test.want)
			}
		})
	}
}
