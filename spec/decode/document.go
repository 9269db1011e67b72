package decode

import (
	"reflect"

	"github.com/hashicorp/hcl/v2"
)

// The doc structs below are the language: every attribute and block that a
// configuration may hold, unevaluated. Tags:
//
//	hcl      the name; ",optional" for an attribute that may be left out
//	type     what its value must be: see the words in convert.go
//	default  what holds when it is left out, as HCL
//	enum     the only values allowed
//	label    what the label of a block says
//	later    set where the runtime comes with a later version
//	doc      one sentence for the reference

// fileDoc is the top level of a file.
type fileDoc struct {
	Syndicate  []*syndicateDoc `hcl:"syndicate,block" doc:"The system as a whole. It takes literals only, and is read first and alone. At most one."`
	Variables  []*variableDoc  `hcl:"variable,block" label:"name" doc:"An input, read elsewhere as var.NAME."`
	Locals     []*localsDoc    `hcl:"locals,block" open:"true" doc:"Named values, read elsewhere as local.NAME."`
	Services   []*serviceDoc   `hcl:"service,block" label:"name" doc:"A process that runs until it is stopped."`
	Tasks      []*taskDoc      `hcl:"task,block" label:"name" doc:"A process or request that ends."`
	Databases  []*databaseDoc  `hcl:"database,block" label:"name" doc:"A PostgreSQL database: one that runs elsewhere, or one that syndicate runs."`
	Breakers   []*breakerDoc   `hcl:"breaker,block" label:"name" doc:"A local proxy with a circuit breaker inside, before something that may fail."`
	Queues     []*queueDoc     `hcl:"queue,block" label:"name" later:"true" doc:"Holds tasks until a worker is free."`
	Thresholds []*thresholdDoc `hcl:"threshold,block" label:"name" later:"true" doc:"Watches a metric and acts on two levels."`
	Boundaries []*boundaryDoc  `hcl:"boundary,block" label:"name" later:"true" doc:"An error domain: what belongs to it, and what is done about it."`
	Notifies   []*notifyDoc    `hcl:"notify,block" label:"name" later:"true" doc:"A way to reach people."`
}

// commonDoc is what every block with an address takes.
type commonDoc struct {
	Enabled   *hcl.Attribute `hcl:"enabled,optional" type:"bool" default:"true" doc:"Whether the block exists. A disabled breaker is transparent; any other disabled block is as if it were not written. Known at plan time."`
	ForEach   *hcl.Attribute `hcl:"for_each,optional" type:"map, or set or list of strings" doc:"Makes one instance for each element, with each.key and each.value inside: of a map the key and the value, of a set or list the string as both. A list with repeats is an error. Known at plan time."`
	DependsOn *hcl.Attribute `hcl:"depends_on,optional" type:"list of conditions" doc:"Blocks or conditions that must hold before this one starts. A condition named here replaces the block's default one."`
	After     *hcl.Attribute `hcl:"after,optional" type:"list of conditions" doc:"Soft order: waits until the condition holds, or that unit failed or is stopped. Values read from it become soft too."`
	NoWait    *hcl.Attribute `hcl:"no_wait,optional" type:"list of addresses" doc:"Blocks whose values are taken without waiting for them."`
}

// backoffDoc says how long to wait between attempts.
type backoffDoc struct {
	Delay    *hcl.Attribute `hcl:"delay,optional" type:"duration" default:"250ms" doc:"The wait before a new attempt. After health, and to connect to a database, the first new attempt comes at once, and this stands before the second. After 2 minutes of health it begins anew."`
	MaxDelay *hcl.Attribute `hcl:"max_delay,optional" type:"duration" default:"30s" doc:"The longest wait between attempts."`
	Factor   *hcl.Attribute `hcl:"factor,optional" type:"number" default:"2" doc:"How much longer each wait is than the one before."`
	Jitter   *hcl.Attribute `hcl:"jitter,optional" type:"share" default:"20%" doc:"Spreads each wait by this share in both directions."`
}

// syndicateDoc is the system as a whole.
type syndicateDoc struct {
	header
	Name        *hcl.Attribute `hcl:"name,optional" type:"name" doc:"The system's name. Default: the file's stem, or the directory's name."`
	StateDir    *hcl.Attribute `hcl:"state_dir,optional" type:"path" default:".syndicate/NAME" doc:"Where state, logs and the control socket are kept, 0700 and locked."`
	Parallelism *hcl.Attribute `hcl:"parallelism,optional" type:"int" default:"0" doc:"How many units start at once; 0 is unlimited."`
	Degraded    *hcl.Attribute `hcl:"degraded,optional" type:"string" enum:"allow,fail" default:"allow" doc:"Whether up succeeds when a non-critical unit failed."`
	OnFailure   *hcl.Attribute `hcl:"on_failure,optional" type:"string" enum:"continue,stop" default:"continue" doc:"What happens when a critical unit fails after up: the rest runs on, or all stops in order."`
	HTTP        *httpDoc       `hcl:"http,block" doc:"The endpoint for the dashboard, the API, metrics and health. Default: only the Unix socket in state_dir."`
}

type httpDoc struct {
	header
	Listen  *hcl.Attribute `hcl:"listen" type:"host:port" doc:"The address to listen on."`
	Token   *hcl.Attribute `hcl:"token,optional" type:"string" doc:"The access token, of 16 characters or more. Default: generated into state_dir/token."`
	Metrics *hcl.Attribute `hcl:"metrics,optional" type:"string" enum:"token,public" default:"token" doc:"Whether /metrics needs the token."`
	TLS     *tlsDoc        `hcl:"tls,block" doc:"Certificate and key; required for anything but loopback."`
}

type tlsDoc struct {
	header
	Cert *hcl.Attribute `hcl:"cert" type:"path" doc:"The certificate file."`
	Key  *hcl.Attribute `hcl:"key" type:"path" doc:"The private key file."`
}

// variableDoc is an input.
type variableDoc struct {
	header
	Type        *hcl.Attribute   `hcl:"type,optional" type:"type" default:"any" doc:"The type of the value: string, number, bool, list(string), object({port = optional(number, 80)}) and so on."`
	Default     *hcl.Attribute   `hcl:"default,optional" type:"any" doc:"The value when no other is given; a literal."`
	Description *hcl.Attribute   `hcl:"description,optional" type:"string" doc:"What the variable is for."`
	Sensitive   *hcl.Attribute   `hcl:"sensitive,optional" type:"bool" default:"false" doc:"Keeps the value out of everything that is printed."`
	Nullable    *hcl.Attribute   `hcl:"nullable,optional" type:"bool" default:"true" doc:"Whether null is a value; if not, null means the default."`
	Validation  []*validationDoc `hcl:"validation,block" doc:"A condition that the value must meet."`
}

type validationDoc struct {
	header
	Condition    *hcl.Attribute `hcl:"condition" type:"bool" doc:"An expression over var.NAME that is true for a good value."`
	ErrorMessage *hcl.Attribute `hcl:"error_message" type:"string" doc:"What to say otherwise."`
}

// localsDoc is one locals block.
type localsDoc struct {
	header
	Values hcl.Attributes
}

// openDoc is a block that takes attributes of any name.
type openDoc interface{ take(hcl.Attributes) }

func (d *localsDoc) take(attrs hcl.Attributes) { d.Values = attrs }

// topLevel describes the whole language: one Field for each block that may
// stand at the top of a file, in the order of the reference.
func (s *structures) topLevel() []Field {
	return s.of(reflect.TypeFor[fileDoc]()).Blocks
}

// Language describes every block of the language, as the doc structs declare
// it. The caller may keep the result but not change it.
func Language() []Field {
	return new(structures).topLevel()
}
