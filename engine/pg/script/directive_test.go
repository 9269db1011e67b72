package script

import (
	"reflect"
	"testing"
)

func TestDirectives(t *testing.T) {
	text := "-- syndicate: out-of-order\n--syndicate: no\n\nselect 'a\n-- syndicate: string\n';\n" +
		"  -- syndicate:  allow A1, B2  it is small\r\ncreate table t (); -- syndicate: behind\ndo $$\n-- syndicate: body\n$$ -- the end"
	want := []Directive{
		{Line: 1, Name: "out-of-order"},
		{Line: 7, Name: "allow", Args: "A1, B2  it is small"},
		{Line: 8, Name: "behind"},
	}
	if got := Directives(text); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
