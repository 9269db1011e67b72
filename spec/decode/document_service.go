package decode

import "github.com/hashicorp/hcl/v2"

// commandDoc is how to start a process.
type commandDoc struct {
	Dir        *hcl.Attribute `hcl:"dir,optional" type:"path" default:"." doc:"The working directory, relative to the declaring file's."`
	Env        *hcl.Attribute `hcl:"env,optional" type:"map(string)" doc:"Environment variables; null removes one. A value taken from another block is a dependency."`
	EnvFile    *hcl.Attribute `hcl:"env_file,optional" type:"list(path)" doc:"Files of NAME=value lines, read before env; with ? in front one may be missing."`
	InheritEnv *hcl.Attribute `hcl:"inherit_env,optional" type:"list(string)" doc:"Names and NAME_* patterns of variables to take over from the caller."`
	User       *hcl.Attribute `hcl:"user,optional" type:"string" doc:"The user to run as, by name or number. HOME, USER and LOGNAME are that user's then."`
	Group      *hcl.Attribute `hcl:"group,optional" type:"string" doc:"The group to run as, by name or number. Default: the user's own."`
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
	OnDependencyRestart *hcl.Attribute `hcl:"on_dependency_restart,optional" type:"string" enum:"keep,restart" default:"keep" doc:"What happens when something that it depends on restarts. What could not start again, since it needs something else that is not there, runs on."`
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
