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
	Delay    *hcl.Attribute `hcl:"delay,optional" type:"duration" default:"250ms" doc:"The wait before the second new attempt; the first comes at once."`
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

// commandDoc is how to start a process.
type commandDoc struct {
	Dir        *hcl.Attribute `hcl:"dir,optional" type:"path" default:"." doc:"The working directory, relative to the declaring file's."`
	Env        *hcl.Attribute `hcl:"env,optional" type:"map(string)" doc:"Environment variables; null removes one. A value taken from another block is a dependency."`
	EnvFile    *hcl.Attribute `hcl:"env_file,optional" type:"list(path)" doc:"Files of NAME=value lines, read before env; with ? in front one may be missing."`
	InheritEnv *hcl.Attribute `hcl:"inherit_env,optional" type:"list(string)" doc:"Names and NAME_* patterns of variables to take over from the caller."`
	User       *hcl.Attribute `hcl:"user,optional" type:"string" doc:"The user to run as."`
	Group      *hcl.Attribute `hcl:"group,optional" type:"string" doc:"The group to run as. Default: the user's own."`
}

// profilesDoc says when a block is there at all.
type profilesDoc struct {
	Profiles *hcl.Attribute `hcl:"profiles,optional" type:"list(string)" doc:"With profiles, the block exists only where one of them is active (--profile NAME); without any, always. Known at plan time."`
}

func (d *profilesDoc) profiles() *hcl.Attribute { return d.Profiles }

// serviceDoc is a process that runs until it is stopped.
type serviceDoc struct {
	header
	commonDoc
	profilesDoc
	Command *hcl.Attribute `hcl:"command" type:"command" doc:"Program and arguments, or a literal string for /bin/sh -c."`
	commandDoc
	Critical            *hcl.Attribute `hcl:"critical,optional" type:"bool" default:"true" doc:"Whether the system fails when this unit does."`
	Host                *hcl.Attribute `hcl:"host,optional" type:"string" default:"127.0.0.1" doc:"The host that the service is reached at."`
	Port                *hcl.Attribute `hcl:"port,optional" type:"port" doc:"The port that the service listens on, or \"auto\"; given to it as PORT, unless env names another."`
	Ports               *hcl.Attribute `hcl:"ports,optional" type:"map(port)" doc:"Further ports by name, read as service.NAME.ports.KEY."`
	Ready               *readyDoc      `hcl:"ready,block" doc:"When the service counts as ready. Default: once executed."`
	Live                *liveDoc       `hcl:"live,block" doc:"Whether the service still works, once it was ready. Default: never asked."`
	Start               *startDoc      `hcl:"start,block" doc:"Attempts until the first readiness."`
	Restart             *restartDoc    `hcl:"restart,block" doc:"What happens when the service ends after it was ready once."`
	Stop                *stopDoc       `hcl:"stop,block" doc:"How the service is ended."`
	Log                 *logDoc        `hcl:"log,block" doc:"Bounds of the log files."`
	Memory              *memoryDoc     `hcl:"memory,block" later:"true" doc:"Bounds of the memory of the whole process tree. Default: only measured."`
	Runtime             *hcl.Attribute `hcl:"runtime,optional" type:"string" enum:"auto,node,jvm,go,python,none" default:"auto" later:"true" doc:"How to read its heap and ask it to collect."`
	OnDependencyRestart *hcl.Attribute `hcl:"on_dependency_restart,optional" type:"string" enum:"keep,restart" default:"keep" doc:"What happens when something that it depends on restarts."`
	Orphans             *hcl.Attribute `hcl:"orphans,optional" type:"string" enum:"keep" later:"true" doc:"Keeps the processes running when the engine dies. An error in this version: they end then."`
	MayEnqueue          *hcl.Attribute `hcl:"may_enqueue,optional" type:"list of queues" later:"true" doc:"Queues that the service may put tasks in: it gets SYNDICATE_URL and a token."`
}

// probeDoc is what ready and live share. Exactly one kind stands in it.
type probeDoc struct {
	HTTP     *hcl.Attribute `hcl:"http,optional" type:"string" doc:"A path of the service's own URL, or a full one: GET must answer 2xx or 3xx."`
	Status   *hcl.Attribute `hcl:"status,optional" type:"list(int)" doc:"The HTTP codes that count as healthy. Default: 200 to 399."`
	Headers  *hcl.Attribute `hcl:"headers,optional" type:"map(string)" doc:"Headers of the HTTP request."`
	TCP      *hcl.Attribute `hcl:"tcp,optional" type:"port or host:port" doc:"A port that must accept a connection: self.port, or \"host:port\"."`
	GRPC     *hcl.Attribute `hcl:"grpc,optional" type:"port or host:port" doc:"A port that must answer the gRPC health protocol, with /SERVICE behind it if wanted."`
	Exec     *hcl.Attribute `hcl:"exec,optional" type:"list(string)" doc:"A command that must exit with 0."`
	Log      *hcl.Attribute `hcl:"log,optional" type:"regexp" doc:"A regular expression that a line of output of this run must match."`
	File     *hcl.Attribute `hcl:"file,optional" type:"path" doc:"A file that must be created or touched after this start."`
	Notify   *hcl.Attribute `hcl:"notify,optional" type:"bool" doc:"true: the service says READY=1 itself (sd_notify)."`
	Interval *hcl.Attribute `hcl:"interval,optional" type:"duration" doc:"The time between two probes. Default: 1s for ready (sooner at first), 10s for live."`
	Timeout  *hcl.Attribute `hcl:"timeout,optional" type:"duration" default:"1s" doc:"How long one probe may take."`
}

type readyDoc struct {
	header
	probeDoc
	Deadline *hcl.Attribute `hcl:"deadline,optional" type:"duration" default:"60s" doc:"How long readiness may take, all probes together."`
}

type liveDoc struct {
	header
	probeDoc
	Failures *hcl.Attribute `hcl:"failures,optional" type:"int" default:"3" doc:"How many probes in a row must fail before the service is restarted."`
	Do       *hcl.Attribute `hcl:"do,optional" type:"list of actions" later:"true" doc:"What is done instead of a restart."`
}

type startDoc struct {
	header
	Attempts *hcl.Attribute `hcl:"attempts,optional" type:"int" default:"3" doc:"How often to try until the first readiness."`
	backoffDoc
}

type restartDoc struct {
	header
	On         *hcl.Attribute `hcl:"on,optional" type:"string" enum:"always,failure,never" default:"always" doc:"After which exits the service is started again."`
	Limit      *hcl.Attribute `hcl:"limit,optional" type:"int" default:"5" doc:"How many restarts within the window before giving up."`
	Within     *hcl.Attribute `hcl:"within,optional" type:"duration" default:"1m" doc:"The window of limit."`
	AgainAfter *hcl.Attribute `hcl:"again_after,optional" type:"duration" doc:"Begins anew this long after giving up. Default: never."`
	backoffDoc
}

type stopDoc struct {
	header
	Signal  *hcl.Attribute `hcl:"signal,optional" type:"signal" default:"SIGTERM" doc:"The signal that asks the process to end."`
	Timeout *hcl.Attribute `hcl:"timeout,optional" type:"duration" default:"10s" doc:"How long that may take before it is killed."`
}

type logDoc struct {
	header
	MaxSize *hcl.Attribute `hcl:"max_size,optional" type:"size" default:"50MB" doc:"The size at which a log file is rotated."`
	Keep    *hcl.Attribute `hcl:"keep,optional" type:"int" default:"5" doc:"How many rotated files are kept."`
}

type memoryDoc struct {
	header
	Warning    *hcl.Attribute `hcl:"warning,optional" type:"size" default:"3GB" doc:"Where cleanup begins. The default is capped at 60% of the machine or cgroup."`
	Critical   *hcl.Attribute `hcl:"critical,optional" type:"size" default:"5GB" doc:"Where at_critical happens. The default is capped at 85% of the machine or cgroup."`
	Max        *hcl.Attribute `hcl:"max,optional" type:"size" doc:"A hard bound, by cgroup where the machine allows it."`
	Cleanup    *hcl.Attribute `hcl:"cleanup,optional" type:"list of actions" doc:"What is done at warning, in order, before garbage is collected."`
	Leak       *hcl.Attribute `hcl:"leak,optional" type:"size rate" doc:"Steady growth that counts as a leak."`
	AtCritical *hcl.Attribute `hcl:"at_critical,optional" type:"string" enum:"restart,notify" default:"restart" doc:"What happens at critical."`
}

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
