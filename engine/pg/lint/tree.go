package lint

import (
	"encoding/json"
	"slices"
	"strings"
)

// The types of this file are the parts of PostgreSQL's parse trees
// (nodes/parsenodes.h) that the rules look at, in the JSON form of
// libpg_query. A field that is absent there is zero.

// rawStatement is one statement of a text.
type rawStatement struct {
	Node   node `json:"stmt"`
	Offset int  `json:"stmt_location"` // with the remarks before it
	Length int  `json:"stmt_len"`      // 0: to the end
}

// node is one statement; one field is set, or none for those that no rule
// concerns.
type node struct {
	AlterDomain  *alterDomain  `json:"AlterDomainStmt"`
	AlterEnum    *alterEnum    `json:"AlterEnumStmt"`
	AlterTable   *alterTable   `json:"AlterTableStmt"`
	AlterSchema  *alterSchema  `json:"AlterObjectSchemaStmt"`
	Cluster      *cluster      `json:"ClusterStmt"`
	Composite    *composite    `json:"CompositeTypeStmt"`
	CreateDomain *createDomain `json:"CreateDomainStmt"`
	CreateEnum   *createType   `json:"CreateEnumStmt"`
	CreateFunc   *createFunc   `json:"CreateFunctionStmt"`
	CreateRange  *createType   `json:"CreateRangeStmt"`
	CreateSchema *createSchema `json:"CreateSchemaStmt"`
	CreateSeq    *sequence     `json:"CreateSeqStmt"`
	AlterSeq     *sequence     `json:"AlterSeqStmt"`
	CreateTable  *createTable  `json:"CreateStmt"`
	CreateAs     *createAs     `json:"CreateTableAsStmt"`
	CreateTrig   *createTrig   `json:"CreateTrigStmt"`
	Delete       *change       `json:"DeleteStmt"`
	Do           *struct{}     `json:"DoStmt"`
	Drop         *drop         `json:"DropStmt"`
	Execute      *struct{}     `json:"ExecuteStmt"`
	Index        *index        `json:"IndexStmt"`
	Insert       *change       `json:"InsertStmt"`
	Lock         *lockTable    `json:"LockStmt"`
	Merge        *change       `json:"MergeStmt"`
	Refresh      *refresh      `json:"RefreshMatViewStmt"`
	Reindex      *reindex      `json:"ReindexStmt"`
	Rename       *rename       `json:"RenameStmt"`
	Select       *selectInto   `json:"SelectStmt"`
	Transaction  *transaction  `json:"TransactionStmt"`
	Truncate     *truncate     `json:"TruncateStmt"`
	Update       *change       `json:"UpdateStmt"`
	Vacuum       *vacuum       `json:"VacuumStmt"`
	Set          *set          `json:"VariableSetStmt"`
	View         *view         `json:"ViewStmt"`

	AlterSystem    *struct{}      `json:"AlterSystemStmt"`
	CreateDatabase *struct{}      `json:"CreatedbStmt"`
	DropDatabase   *dropDatabase  `json:"DropdbStmt"`
	CreateSpace    *struct{}      `json:"CreateTableSpaceStmt"`
	DropSpace      *struct{}      `json:"DropTableSpaceStmt"`
	CreateSubscr   *createSubscr  `json:"CreateSubscriptionStmt"`
	Define         *createTypeDef `json:"DefineStmt"`
}

// relation is the name of a table, a view, an index or a sequence.
type relation struct {
	Schema      string `json:"schemaname"`
	Name        string `json:"relname"`
	Persistence string `json:"relpersistence"` // p, u (unlogged), t (temporary)
	Location    int    `json:"location"`
}

// text is a String node.
type text struct {
	String struct {
		Value string `json:"sval"`
	}
}

func texts(list []text) []string {
	all := make([]string, len(list))
	for i, t := range list {
		all[i] = t.String.Value
	}
	return all
}

// tree is a part of a tree that is only searched.
type tree json.RawMessage

func (t *tree) UnmarshalJSON(data []byte) error {
	*t = append((*t)[:0], data...)
	return nil
}

// walk calls visit for every node below t, with its name and its fields.
func (t tree) walk(visit func(name string, fields map[string]any)) {
	if len(t) == 0 {
		return
	}
	var v any
	if json.Unmarshal(t, &v) == nil {
		walk(v, visit)
	}
}

func walk(v any, visit func(string, map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	case map[string]any:
		for name, e := range v {
			if fields, ok := e.(map[string]any); ok {
				visit(name, fields)
			}
			walk(e, visit)
		}
	}
}

// strings returns the values of all strings below v, in order of place for
// lists.
func stringsOf(v any) []string {
	switch v := v.(type) {
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, stringsOf(e)...)
		}
		return all
	case map[string]any:
		if s, ok := v["sval"].(string); ok {
			return []string{s}
		}
		var all []string
		for _, key := range slices.Sorted(mapKeys(v)) {
			all = append(all, stringsOf(v[key])...)
		}
		return all
	}
	return nil
}

func mapKeys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// names returns the strings below t.
func (t tree) names() []string {
	if len(t) == 0 {
		return nil
	}
	var v any
	if json.Unmarshal(t, &v) != nil {
		return nil
	}
	return stringsOf(v)
}

type typeName struct {
	Names  []text `json:"names"`
	Mods   tree   `json:"typmods"`
	Bounds tree   `json:"arrayBounds"`
}

type columnDef struct {
	Name        string   `json:"colname"`
	Type        typeName `json:"typeName"`
	Constraints []struct {
		Constraint constraint
	} `json:"constraints"`
	Using     tree `json:"raw_default"` // of ALTER COLUMN TYPE
	Collation tree `json:"collClause"`
	Location  int  `json:"location"`
}

type constraint struct {
	Kind      string    `json:"contype"` // CONSTR_CHECK …
	Name      string    `json:"conname"`
	Expr      tree      `json:"raw_expr"`
	Keys      []text    `json:"keys"`
	NotValid  bool      `json:"skip_validation"`
	Index     string    `json:"indexname"` // USING INDEX
	Refers    *relation `json:"pktable"`
	Columns   []text    `json:"fk_attrs"`
	Generated string    `json:"generated_kind"`
	Location  int       `json:"location"`
}

type alterTable struct {
	Relation relation `json:"relation"`
	Kind     string   `json:"objtype"` // OBJECT_TABLE …
	Commands []struct {
		Command alterCommand `json:"AlterTableCmd"`
	} `json:"cmds"`
}

type alterCommand struct {
	Kind     string `json:"subtype"` // AT_AddColumn …
	Name     string `json:"name"`
	Behavior string `json:"behavior"`
	Def      struct {
		Column     *columnDef   `json:"ColumnDef"`
		Constraint *constraint  `json:"Constraint"`
		Partition  *partitionOf `json:"PartitionCmd"`
		Identity   *identity    `json:"ReplicaIdentityStmt"`
		Options    tree         `json:"List"` // of AT_SetRelOptions
	} `json:"def"`
}

// identity says by what replication finds a row.
type identity struct {
	Kind string `json:"identity_type"` // d: the primary key, i: an index, f: all columns, n: nothing
}

type partitionOf struct {
	Name       relation `json:"name"`
	Bound      *bound   `json:"bound"`
	Concurrent bool     `json:"concurrent"`
}

type bound struct {
	Default bool `json:"is_default"`
}

type index struct {
	Name     string   `json:"idxname"`
	Relation relation `json:"relation"`
	Columns  []struct {
		Element struct {
			Name string `json:"name"`
		} `json:"IndexElem"`
	} `json:"indexParams"`
	Unique     bool   `json:"unique"`
	Concurrent bool   `json:"concurrent"`
	IfNot      bool   `json:"if_not_exists"`
	Where      tree   `json:"whereClause"`
	Method     string `json:"accessMethod"`
}

type drop struct {
	Objects    []tree `json:"objects"`
	Kind       string `json:"removeType"` // OBJECT_TABLE …
	Behavior   string `json:"behavior"`
	IfExists   bool   `json:"missing_ok"`
	Concurrent bool   `json:"concurrent"`
}

type dropDatabase struct {
	Name string `json:"dbname"`
}

type createTable struct {
	Relation relation `json:"relation"`
	Elements []struct {
		Column     *columnDef  `json:"ColumnDef"`
		Constraint *constraint `json:"Constraint"`
	} `json:"tableElts"`
	Parents   tree  `json:"inhRelations"`
	Bound     *tree `json:"partbound"`
	Partition *tree `json:"partspec"`
	Options   tree  `json:"options"` // WITH (…)
	IfNot     bool  `json:"if_not_exists"`
}

type into struct {
	Relation relation `json:"rel"`
}

type createAs struct {
	Into  into   `json:"into"`
	Kind  string `json:"objtype"`
	IfNot bool   `json:"if_not_exists"`
}

type selectInto struct {
	Into *into `json:"intoClause"`
}

type view struct {
	View    relation `json:"view"`
	Replace bool     `json:"replace"`
}

type rename struct {
	Kind     string    `json:"renameType"`
	Of       string    `json:"relationType"`
	Relation *relation `json:"relation"`
	Object   tree      `json:"object"`
	Old      string    `json:"subname"`
	New      string    `json:"newname"`
}

type alterSchema struct {
	Kind     string    `json:"objectType"`
	Relation *relation `json:"relation"`
	New      string    `json:"newschema"`
}

type alterEnum struct {
	Type []text `json:"typeName"`
	Old  string `json:"oldVal"`
	New  string `json:"newVal"`
}

type createType struct {
	Name []text `json:"typeName"`
}

type createTypeDef struct {
	Kind string `json:"kind"`
	Name []text `json:"defnames"`
}

type composite struct {
	Type relation `json:"typevar"`
}

type createDomain struct {
	Name        []text   `json:"domainname"`
	Type        typeName `json:"typeName"`
	Constraints []tree   `json:"constraints"`
}

type alterDomain struct {
	Kind string `json:"subtype"` // C: add a constraint
	Type []text `json:"typeName"`
	Def  struct {
		Constraint *constraint
	} `json:"def"`
}

// sequence is a CREATE or an ALTER SEQUENCE.
type sequence struct {
	Sequence relation `json:"sequence"`
	Options  tree     `json:"options"`
}

// owner returns the parts of the column's name that a sequence goes with.
func (n *sequence) owner() []string {
	var parts []string
	n.Options.walk(func(kind string, fields map[string]any) {
		if kind == "DefElem" && fields["defname"] == "owned_by" {
			parts = stringsOf(fields["arg"])
		}
	})
	return parts
}

type createFunc struct {
	Replace bool     `json:"replace"`
	Name    []text   `json:"funcname"`
	Returns typeName `json:"returnType"`
	Options tree     `json:"options"`
}

type createTrig struct {
	Name     string   `json:"trigname"`
	Relation relation `json:"relation"`
	Replace  bool     `json:"replace"`
}

type createSchema struct {
	Name  string `json:"schemaname"`
	IfNot bool   `json:"if_not_exists"`
}

type createSubscr struct {
	Options tree `json:"options"`
}

type transaction struct {
	Kind string `json:"kind"` // TRANS_STMT_BEGIN …
}

type lockTable struct {
	Relations []struct {
		RangeVar relation
	} `json:"relations"`
	Mode int `json:"mode"`
}

type vacuum struct {
	Options  tree `json:"options"`
	Vacuum   bool `json:"is_vacuumcmd"`
	Relation []struct {
		Relation struct {
			Relation relation `json:"relation"`
		} `json:"VacuumRelation"`
	} `json:"rels"`
}

type cluster struct {
	Relation *relation `json:"relation"`
}

type reindex struct {
	Kind     string    `json:"kind"`
	Relation *relation `json:"relation"`
	Name     string    `json:"name"`
	Params   tree      `json:"params"`
}

type refresh struct {
	Relation   relation `json:"relation"`
	Concurrent bool     `json:"concurrent"`
	Empty      bool     `json:"skipData"`
}

type truncate struct {
	Relations []struct {
		RangeVar relation
	} `json:"relations"`
	Behavior string `json:"behavior"`
}

// change is an INSERT, an UPDATE or a DELETE.
type change struct {
	Relation relation `json:"relation"`
	Targets  []struct {
		Target struct {
			Name string `json:"name"`
		} `json:"ResTarget"`
	} `json:"targetList"`
	Where tree `json:"whereClause"`
	Rows  tree `json:"selectStmt"` // of an INSERT
}

// reads reports whether an INSERT takes its rows from a query.
func (n *change) reads() bool {
	from := false
	n.Rows.walk(func(kind string, fields map[string]any) {
		from = from || kind == "SelectStmt" && fields["fromClause"] != nil
	})
	return from
}

type set struct {
	Kind  string `json:"kind"` // VAR_SET_VALUE …
	Name  string `json:"name"`
	Args  tree   `json:"args"`
	Local bool   `json:"is_local"`
}

// options reports whether a list of DefElems has one with a name that is not
// switched off.
func (t tree) option(name string) bool {
	found := false
	t.walk(func(kind string, fields map[string]any) {
		if kind != "DefElem" || !strings.EqualFold(asString(fields["defname"]), name) {
			return
		}
		found = true
		for _, v := range stringsOf(fields["arg"]) {
			if slices.Contains([]string{"false", "off", "0"}, strings.ToLower(v)) {
				found = false
			}
		}
	})
	return found
}

// off reports whether a list of DefElems switches a storage parameter off.
func (t tree) off(name string) bool {
	off := false
	t.walk(func(kind string, fields map[string]any) {
		if kind != "DefElem" || !strings.EqualFold(asString(fields["defname"]), name) {
			return
		}
		arg, _ := fields["arg"].(map[string]any)
		if number, ok := arg["Integer"].(map[string]any); ok && number["ival"] == nil {
			off = true
		}
		for _, v := range stringsOf(arg) {
			off = off || slices.Contains([]string{"false", "off", "no", "0"}, strings.ToLower(v))
		}
	})
	return off
}

func asString(v any) string {
	s, _ := v.(string)
	return s
}
