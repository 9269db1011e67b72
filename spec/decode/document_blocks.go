package decode

import "github.com/hashicorp/hcl/v2"

// databaseDoc is a PostgreSQL database.
type databaseDoc struct {
	header
	commonDoc
	Critical     *hcl.Attribute `hcl:"critical,optional" type:"bool" default:"true" doc:"Whether the system fails when this unit does."`
	Managed      *managedDoc    `hcl:"managed,block" doc:"A server that syndicate runs itself. In force where enabled."`
	URL          *hcl.Attribute `hcl:"url,optional" type:"string" doc:"The URL of a server that runs elsewhere; in force where managed is not."`
	Host         *hcl.Attribute `hcl:"host,optional" type:"string" doc:"The host of a server that runs elsewhere, instead of url."`
	Port         *hcl.Attribute `hcl:"port,optional" type:"int" default:"5432" doc:"The server's port, beside host."`
	Name         *hcl.Attribute `hcl:"name,optional" type:"string" doc:"The database's name, beside host. Default: the block's label."`
	User         *hcl.Attribute `hcl:"user,optional" type:"string" doc:"The user to connect as, beside host."`
	Password     *hcl.Attribute `hcl:"password,optional" type:"string" doc:"The user's password, beside host."`
	SSL          *hcl.Attribute `hcl:"ssl,optional" type:"string" enum:"disable,allow,prefer,require,verify-ca,verify-full" default:"prefer" doc:"The sslmode, beside host."`
	Retry        *dbRetryDoc    `hcl:"retry,block" doc:"Attempts to reach the server."`
	Health       *healthDoc     `hcl:"health,block" doc:"How often the database is checked."`
	Migrations   *migrationsDoc `hcl:"migrations,block" doc:"The SQL files that are applied before anything reads the database's URL."`
	Pool         *poolDoc       `hcl:"pool,block" doc:"Bounds of the engine's own connections: for health checks, schema checks and queues. Migrations have one beside it."`
	Gateway      *gatewayDoc    `hcl:"gateway,block" doc:"A listener that services reach the database through: they get its address as database.NAME.url."`
	QueryTimeout *hcl.Attribute `hcl:"query_timeout,optional" type:"duration" doc:"The longest that a statement may take, kept by the server: of the engine, and of services that use a managed server. Never of migrations. Default: none."`
	Breaker      *dbBreakerDoc  `hcl:"breaker,block" doc:"The circuit breaker before the database. It counts failures of the connection, never errors of SQL. Without the block it has the defaults."`
	Schema       *schemaDoc     `hcl:"schema,block" doc:"What must hold after migrating."`
	Stop         *dbStopDoc     `hcl:"stop,block" doc:"How the managed server is ended."`
	Log          *logDoc        `hcl:"log,block" doc:"Bounds of the managed server's log files."`
}

type managedDoc struct {
	header
	Enabled    *hcl.Attribute `hcl:"enabled,optional" type:"bool" default:"true" doc:"Whether syndicate runs the server. Known at plan time."`
	Server     *hcl.Attribute `hcl:"server,optional" type:"address of a database" doc:"A managed database whose server this one shares, as a database and a role of its own. Only enabled and extensions stand beside it."`
	Version    *hcl.Attribute `hcl:"version,optional" type:"int" doc:"The major version. Default: that of the data directory, else the newest installed."`
	DataDir    *hcl.Attribute `hcl:"data_dir,optional" type:"path" doc:"Where the data is kept. Default: pg/NAME in state_dir, and where the engine runs as root /var/lib/syndicate/HASH/NAME."`
	BinDir     *hcl.Attribute `hcl:"bin_dir,optional" type:"path" doc:"Where the server's programs are. Default: looked for."`
	Port       *hcl.Attribute `hcl:"port,optional" type:"port" default:"auto" doc:"The port that the server listens on."`
	User       *hcl.Attribute `hcl:"user,optional" type:"string" default:"postgres" doc:"The user that the server runs as where the engine is root."`
	Durability *hcl.Attribute `hcl:"durability,optional" type:"string" enum:"on,off" default:"on" doc:"Whether a commit waits for the disk. off is for data that may be lost, and only for a data directory that was created so."`
	Settings   *hcl.Attribute `hcl:"settings,optional" type:"map(string)" doc:"Settings of the server, by name."`
	Extensions *hcl.Attribute `hcl:"extensions,optional" type:"list(string)" doc:"Extensions to create in the database."`
}

type dbRetryDoc struct {
	header
	Attempts *hcl.Attribute `hcl:"attempts,optional" type:"int" default:"8" doc:"How often to try."`
	backoffDoc
}

type healthDoc struct {
	header
	Interval *hcl.Attribute `hcl:"interval,optional" type:"duration" default:"10s" doc:"The time between two checks."`
	Timeout  *hcl.Attribute `hcl:"timeout,optional" type:"duration" default:"2s" doc:"How long one check may take."`
}

type dbStopDoc struct {
	header
	Timeout *hcl.Attribute `hcl:"timeout,optional" type:"duration" default:"10s" doc:"How long the fast shutdown may take before the immediate one."`
}

type migrationsDoc struct {
	header
	Path        *hcl.Attribute `hcl:"path" type:"path" doc:"The directory of the files."`
	OnUp        *hcl.Attribute `hcl:"on_up,optional" type:"string" enum:"apply,refuse,skip" default:"apply" doc:"What up does with pending files."`
	LockTimeout *hcl.Attribute `hcl:"lock_timeout,optional" type:"duration" default:"3s" doc:"The longest that a statement of a migration waits for a lock. What fails of it was undone, and is tried again."`
}

type poolDoc struct {
	header
	Min            *hcl.Attribute `hcl:"min,optional" type:"int" default:"0" doc:"Connections kept open."`
	Max            *hcl.Attribute `hcl:"max,optional" type:"int" default:"10" doc:"Connections open at most."`
	AcquireTimeout *hcl.Attribute `hcl:"acquire_timeout,optional" type:"duration" default:"5s" doc:"How long to wait for a free one."`
}

type gatewayDoc struct {
	header
	Enabled        *hcl.Attribute `hcl:"enabled,optional" type:"bool" default:"true" doc:"Whether the gateway exists; disabled it is transparent. Known at plan time."`
	Listen         *hcl.Attribute `hcl:"listen,optional" type:"host:port" doc:"The address to listen on. Default: a free port of 127.0.0.1."`
	MaxConn        *hcl.Attribute `hcl:"max_conn,optional" type:"int" default:"50" doc:"Connections to the server at most; replication does not count."`
	MaxWaiting     *hcl.Attribute `hcl:"max_waiting,optional" type:"int" default:"1000" doc:"Clients that wait for a connection at most; others are refused at once (SQLSTATE 53300)."`
	AcquireTimeout *hcl.Attribute `hcl:"acquire_timeout,optional" type:"duration" default:"10s" doc:"How long a client waits for a connection before it is refused (SQLSTATE 53300)."`
	SlowQuery      *hcl.Attribute `hcl:"slow_query,optional" type:"duration" doc:"A query that takes longer is noted in the gateway's log, without its constants and parameters. Default: none is."`
	TLS            *tlsDoc        `hcl:"tls,block" doc:"Certificate and key for clients that ask for TLS. Default: they are told that there is none."`
	Pooler         *hcl.Attribute `hcl:"pooler,optional" type:"string" enum:"pgbouncer" doc:"pgbouncer: an installed PgBouncer, which syndicate runs, shares the connections among transactions. Default: the gateway itself, one connection for each session."`
}

type schemaDoc struct {
	header
	Tables []*tableDoc `hcl:"table,block" label:"name" doc:"What must hold of one table."`
}

type tableDoc struct {
	header
	Columns *hcl.Attribute `hcl:"columns,optional" type:"map(string)" doc:"Columns that must exist, with their types."`
	NotNull *hcl.Attribute `hcl:"not_null,optional" type:"list(string)" doc:"Columns that must be NOT NULL."`
	Indexes *hcl.Attribute `hcl:"indexes,optional" type:"list(string)" doc:"Indexes that must exist."`
}

// breakerRuleDoc says what opens and closes a breaker.
type breakerRuleDoc struct {
	Failures     *hcl.Attribute `hcl:"failures,optional" type:"int" default:"5" doc:"How many failures open it, unless rate is given: in a row, or among the last calls that of says."`
	Of           *hcl.Attribute `hcl:"of,optional" type:"int" doc:"With it, failures counts among the last so many calls. Default: in a row."`
	Rate         *hcl.Attribute `hcl:"rate,optional" type:"share" doc:"The share of failures within over that opens it."`
	Over         *hcl.Attribute `hcl:"over,optional" type:"duration" default:"30s" doc:"The window of rate."`
	MinCalls     *hcl.Attribute `hcl:"min_calls,optional" type:"int" default:"20" doc:"How many calls the window needs before rate counts."`
	ResetTimeout *hcl.Attribute `hcl:"reset_timeout,optional" type:"duration" default:"30s" doc:"How long it stays open before it tries again."`
	HalfOpen     *halfOpenDoc   `hcl:"half_open,block" doc:"The trial after reset_timeout."`
}

type halfOpenDoc struct {
	header
	Calls     *hcl.Attribute `hcl:"calls,optional" type:"int" default:"1" doc:"How many calls are let through."`
	Successes *hcl.Attribute `hcl:"successes,optional" type:"int" default:"1" doc:"How many of them must succeed to close it."`
}

// dbBreakerDoc has no times of calls: query_timeout and pool bound those.
type dbBreakerDoc struct {
	header
	breakerRuleDoc
}

// breakerDoc is a local proxy with a circuit breaker inside.
type breakerDoc struct {
	header
	commonDoc
	Target *hcl.Attribute `hcl:"target" type:"string" doc:"The URL of what it stands before: http, https, or tcp://host:port, which forwards connections. Values in it make no dependency, and it need not run."`
	Listen *hcl.Attribute `hcl:"listen,optional" type:"host:port" doc:"The address to listen on. Default: a free port of 127.0.0.1."`
	breakerRuleDoc
	callRulesDoc
	ConnectTimeout *hcl.Attribute `hcl:"connect_timeout,optional" type:"duration" default:"2s" doc:"How long connecting to the target may take; TLS may take as long again."`
	TLS            *clientTLSDoc  `hcl:"tls,block" doc:"How to meet a target with https. Default: by the system's certificate authorities and the name in the target."`
	OnOpen         *hcl.Attribute `hcl:"on_open,optional" type:"string" enum:"reset,refuse" default:"reset" doc:"What clients of a tcp target see while it is open and no fallback takes them: their connection is reset, or refused as if nobody listened (on Linux; elsewhere it is reset)."`
	Probe          *talkDoc       `hcl:"probe,block" doc:"What a tcp target has to answer, on a connection of its own, before each connection of a trial. Default: the connections themselves are the trial."`
	PreserveHost   *hcl.Attribute `hcl:"preserve_host,optional" type:"bool" default:"false" doc:"Whether the target is told the Host that the client asked for, instead of its own."`
	MaxCalls       *hcl.Attribute `hcl:"max_calls,optional" type:"int" doc:"Calls at once, or connections; more wait, are answered by a fallback, or refused. Default: unlimited."`
	MaxWaiting     *hcl.Attribute `hcl:"max_waiting,optional" type:"int" default:"0" doc:"How many calls may wait in line for one of max_calls."`
	QueueTimeout   *hcl.Attribute `hcl:"queue_timeout,optional" type:"duration" default:"1s" doc:"How long a call may wait in line."`
	Routes         []*routeDoc    `hcl:"route,block" label:"pattern" doc:"Rules for a part of the calls, by a pattern such as \"GET /items/{id}\", \"/static/\" or \"/{$}\": method and path, as Go's http.ServeMux has them. The most specific one counts; what it does not say is as for the rest."`
	Share          *hcl.Attribute `hcl:"share,optional" type:"address of a database" doc:"A database through which engines share whether a breaker is open, and its mode: those of this name, in systems of one name."`
}

// talkDoc is a probe of a target that is no HTTP server.
type talkDoc struct {
	header
	Send    *hcl.Attribute `hcl:"send,optional" type:"string" doc:"What it is sent, such as \"PING\\r\\n\". Default: nothing; it speaks first."`
	Expect  *hcl.Attribute `hcl:"expect" type:"string" doc:"What its answer has to hold, within the first 64 KiB: text, not a pattern."`
	Timeout *hcl.Attribute `hcl:"timeout,optional" type:"duration" default:"2s" doc:"How long its answer may take once it is connected."`
}

// callRulesDoc are what is expected of a call. They have no defaults here,
// since those of a route are the breaker's.
type callRulesDoc struct {
	SlowCall      *hcl.Attribute `hcl:"slow_call,optional" type:"duration" doc:"A call whose first byte takes as long counts as a failure. Default: none does."`
	Timeout       *hcl.Attribute `hcl:"timeout,optional" type:"duration" doc:"How long the upstream may take to the first byte of its answer, once it has the request. Default: 60s."`
	IdleTimeout   *hcl.Attribute `hcl:"idle_timeout,optional" type:"duration" doc:"How long it may be silent within an answer. Default: timeout."`
	CallTimeout   *hcl.Attribute `hcl:"call_timeout,optional" type:"duration" doc:"How long a call may take in all, with its retries and to the end of its answer; not what was upgraded, such as a WebSocket. Default: for ever."`
	FailureStatus *hcl.Attribute `hcl:"failure_status,optional" type:"list(string)" doc:"Statuses that count as failures: 503, 500-599 or 5xx. Default: 500-599 but 501 and 505."`
	NeutralStatus *hcl.Attribute `hcl:"neutral_status,optional" type:"list(string)" doc:"Statuses that tell nothing; they go before failure_status. Their Retry-After opens the breaker for so long. Default: 429, unless failure_status names it."`
	FailureGRPC   *hcl.Attribute `hcl:"failure_grpc,optional" type:"list(string)" doc:"Codes of gRPC that count as failures. Default: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE and DATA_LOSS. CANCELLED tells nothing."`
	Retry         *callRetryDoc  `hcl:"retry,block" doc:"Further attempts where a call failed and may be made again. Default: none."`
	Fallbacks     []*fallbackDoc `hcl:"fallback,block" doc:"What answers while it is open, and where a call fails, tried in the order written. Exactly one of last_good, upstream, file, command and status; with a tcp target only upstream. Those of a route replace the breaker's."`
}

// callRetryDoc says when a call is made again. Its waits are shorter than
// those of processes: a client is waiting.
type callRetryDoc struct {
	header
	Attempts     *hcl.Attribute `hcl:"attempts,optional" type:"int" default:"2" doc:"How often to try in all; 1: no retry."`
	Delay        *hcl.Attribute `hcl:"delay,optional" type:"duration" default:"25ms" doc:"The wait before the second attempt. An upstream's Retry-After makes it longer."`
	MaxDelay     *hcl.Attribute `hcl:"max_delay,optional" type:"duration" default:"1s" doc:"The longest wait. Where Retry-After asks for a longer one there is no retry."`
	Factor       *hcl.Attribute `hcl:"factor,optional" type:"number" default:"2" doc:"How much longer each wait is than the one before."`
	Jitter       *hcl.Attribute `hcl:"jitter,optional" type:"share" default:"50%" doc:"Spreads each wait by this share in both directions."`
	Methods      *hcl.Attribute `hcl:"methods,optional" type:"list(string)" default:"[\"GET\", \"HEAD\", \"OPTIONS\", \"TRACE\", \"PUT\", \"DELETE\"]" doc:"Methods that may be sent twice. Others are where the request has an Idempotency-Key, and where no connection came about."`
	Status       *hcl.Attribute `hcl:"status,optional" type:"list(string)" default:"[\"502-504\"]" doc:"Statuses to try again after. Calls without an answer are tried again unless they ran into a timeout."`
	GRPC         *hcl.Attribute `hcl:"grpc,optional" type:"list(string)" default:"[\"UNAVAILABLE\"]" doc:"Codes of gRPC to try again after, where the answer is nothing else. gRPC's method is POST, which methods must name."`
	Budget       *hcl.Attribute `hcl:"budget,optional" type:"share" default:"20%" doc:"The share of the calls of the last 10 seconds that may be tried again, beyond min_per_second: an upstream that is down is not to get many times as many calls."`
	MinPerSecond *hcl.Attribute `hcl:"min_per_second,optional" type:"int" default:"3" doc:"Retries per second that need no budget."`
	MaxBody      *hcl.Attribute `hcl:"max_body,optional" type:"size" default:"64KiB" doc:"The largest body that is kept while it is sent, to send it again. Larger ones are tried again only where no connection came about."`
}

// routeDoc has rules for a part of a breaker's calls.
type routeDoc struct {
	header
	Exclude *hcl.Attribute `hcl:"exclude,optional" type:"bool" default:"false" doc:"Whether its calls pass whatever the state and count for nothing, max_calls too: for health checks and other calls that tell nothing of the rest."`
	callRulesDoc
}

// clientTLSDoc is how to meet an upstream with TLS.
type clientTLSDoc struct {
	header
	CA         *hcl.Attribute `hcl:"ca,optional" type:"path" doc:"A file of PEM certificates of the authorities to trust, instead of the system's."`
	Cert       *hcl.Attribute `hcl:"cert,optional" type:"path" doc:"The certificate file to show; read at each handshake, so that it may be exchanged."`
	Key        *hcl.Attribute `hcl:"key,optional" type:"path" doc:"The private key file of cert."`
	ServerName *hcl.Attribute `hcl:"server_name,optional" type:"string" doc:"The name that the target's certificate must have, and that it is asked for. Default: the target's host."`
}

type fallbackDoc struct {
	header
	LastGood *hcl.Attribute `hcl:"last_good,optional" type:"duration" doc:"The last good answer to the same GET, if it is not older: never one that is private, by a cookie, Authorization or Cache-Control."`
	Upstream *hcl.Attribute `hcl:"upstream,optional" type:"string" doc:"Another URL, with a breaker of its own by the same rules."`
	File     *hcl.Attribute `hcl:"file,optional" type:"path" doc:"The contents of a file."`
	Command  *hcl.Attribute `hcl:"command,optional" type:"list(string)" doc:"What a command writes to its standard output, within 10s and timeout; it is told REQUEST_METHOD, REQUEST_URI, BREAKER_REASON and BREAKER_DETAIL."`
	Status   *hcl.Attribute `hcl:"status,optional" type:"int" doc:"An HTTP status."`
	Body     *hcl.Attribute `hcl:"body,optional" type:"string" doc:"The body that goes with status."`
}

// taskDoc is a process or request that ends.
type taskDoc struct {
	header
	commonDoc
	profilesDoc
	Command *hcl.Attribute `hcl:"command,optional" type:"command" doc:"Program and arguments, or a literal string for /bin/sh -c."`
	HTTP    *hcl.Attribute `hcl:"http,optional" type:"string" doc:"A request instead of a command: \"POST URL\". Values in it make no dependency."`
	commandDoc
	Critical    *hcl.Attribute `hcl:"critical,optional" type:"bool" default:"true" doc:"Whether the system fails when this step of start-up does; only with run = \"up\"."`
	Run         *hcl.Attribute `hcl:"run,optional" type:"string" enum:"demand,up" default:"demand" doc:"When it runs: only when asked, or as a step of start-up as well, once per life."`
	Queue       *hcl.Attribute `hcl:"queue,optional" type:"address of a queue" later:"true" doc:"The queue that its runs wait in."`
	Priority    *hcl.Attribute `hcl:"priority,optional" type:"string" enum:"critical,high,normal,low" default:"normal" later:"true" doc:"Which runs of a queue go first."`
	Timeout     *hcl.Attribute `hcl:"timeout,optional" type:"duration" default:"1h" doc:"How long one attempt may take."`
	MaxMemory   *hcl.Attribute `hcl:"max_memory,optional" type:"size" later:"true" doc:"A bound of the memory of one run."`
	Concurrency *hcl.Attribute `hcl:"concurrency,optional" type:"int" later:"true" doc:"Runs at once, across every machine that works its queue. Default: as many as the queue has workers."`
	Schedule    *hcl.Attribute `hcl:"schedule,optional" type:"cron" later:"true" doc:"When it runs by itself: five cron fields."`
	Timezone    *hcl.Attribute `hcl:"timezone,optional" type:"string" default:"UTC" later:"true" doc:"The time zone of schedule."`
	Missed      *hcl.Attribute `hcl:"missed,optional" type:"string" enum:"once,all,skip" default:"once" later:"true" doc:"What becomes of scheduled runs missed while nothing was up."`
	Needs       *hcl.Attribute `hcl:"needs,optional" type:"list of addresses" later:"true" doc:"Breakers and databases that must be closed or ready for a run to begin."`
	Retry       *taskRetryDoc  `hcl:"retry,block" doc:"Further attempts after a failure."`
	Stop        *stopDoc       `hcl:"stop,block" doc:"How a run is ended."`
	Log         *logDoc        `hcl:"log,block" doc:"Bounds of the log files."`
}

type taskRetryDoc struct {
	header
	Attempts *hcl.Attribute `hcl:"attempts,optional" type:"int" default:"1" doc:"How often to try."`
	backoffDoc
}

// queueDoc holds tasks until a worker is free.
type queueDoc struct {
	header
	commonDoc
	Store     *hcl.Attribute `hcl:"store,optional" type:"address of a database" doc:"The database that keeps the queue. Default: an embedded store in state_dir."`
	Workers   *hcl.Attribute `hcl:"workers,optional" type:"int" doc:"Tasks at once, per engine. Default: the number of cores."`
	MaxDepth  *hcl.Attribute `hcl:"max_depth,optional" type:"int" default:"10000" doc:"Waiting tasks at most."`
	MaxMemory *hcl.Attribute `hcl:"max_memory,optional" type:"size" doc:"A bound of the memory of all its running tasks together."`
	SuspendOn *hcl.Attribute `hcl:"suspend_on,optional" type:"list of thresholds" doc:"Nothing new starts while one of these is at warning or above."`
}

// thresholdDoc watches a metric.
type thresholdDoc struct {
	header
	commonDoc
	Watch    *hcl.Attribute `hcl:"watch" type:"metric" doc:"The metric: host.memory_used, service.api.memory."`
	Interval *hcl.Attribute `hcl:"interval,optional" type:"duration" default:"10s" doc:"How often it is looked at."`
	Over     *hcl.Attribute `hcl:"over,optional" type:"duration" default:"1m" doc:"How far rates, averages, percentiles and shares of calls look back."`
	Warning  *levelDoc      `hcl:"warning,block" doc:"The first level."`
	Critical *levelDoc      `hcl:"critical,block" doc:"The second level."`
}

type levelDoc struct {
	header
	Above   *hcl.Attribute `hcl:"above,optional" type:"metric value" doc:"The level begins above this value."`
	Below   *hcl.Attribute `hcl:"below,optional" type:"metric value" doc:"The level begins below this value."`
	Clear   *hcl.Attribute `hcl:"clear,optional" type:"metric value" doc:"Where the level ends. Default: 0.9 of above, 1.1 of below."`
	Hold    *hcl.Attribute `hcl:"hold,optional" type:"duration" doc:"How long it must last. Default: 30s at warning, 10s at critical."`
	Do      *hcl.Attribute `hcl:"do,optional" type:"list of actions" doc:"What is done once on entering, in order."`
	OnClear *hcl.Attribute `hcl:"on_clear,optional" type:"list of actions" doc:"What is done on leaving."`
}

// boundaryDoc is an error domain.
type boundaryDoc struct {
	header
	commonDoc
	Units   *hcl.Attribute `hcl:"units,optional" type:"list of addresses" doc:"The services and tasks that it is about. Default: all."`
	Matches []*matchDoc    `hcl:"match,block" doc:"What belongs to it: all attributes of one match must fit, each by any of its values; several are alternatives."`
	Class   *hcl.Attribute `hcl:"class,optional" type:"string" enum:"transient,permanent,config,resource,bug" doc:"What kind of error it is."`
	Recover *recoverDoc    `hcl:"recover,block" doc:"What is done about it, instead of a restart."`
	GiveUp  *giveUpDoc     `hcl:"give_up,block" doc:"What is done when that did not help."`
}

type matchDoc struct {
	header
	Log       *hcl.Attribute `hcl:"log,optional" type:"list(regexp)" doc:"Lines of output."`
	ExitCode  *hcl.Attribute `hcl:"exit_code,optional" type:"list(int)" doc:"Exit codes."`
	Signal    *hcl.Attribute `hcl:"signal,optional" type:"list(signal)" doc:"Signals that ended the process."`
	OOM       *hcl.Attribute `hcl:"oom,optional" type:"bool" doc:"Whether memory ran out."`
	Exception *hcl.Attribute `hcl:"exception,optional" type:"list(string)" doc:"Types of exceptions."`
	SQLState  *hcl.Attribute `hcl:"sqlstate,optional" type:"list(string)" doc:"SQLSTATE codes or classes."`
	Breaker   *hcl.Attribute `hcl:"breaker,optional" type:"list of breakers" doc:"Breakers, while open."`
}

type recoverDoc struct {
	header
	Do       *hcl.Attribute `hcl:"do" type:"list of actions" doc:"What is done, in order."`
	Attempts *hcl.Attribute `hcl:"attempts,optional" type:"int" default:"3" doc:"How often, before giving up."`
	backoffDoc
}

type giveUpDoc struct {
	header
	Do *hcl.Attribute `hcl:"do" type:"list of actions" doc:"What is done, in order."`
}

// notifyDoc is a way to reach people. Exactly one of webhook, command and
// smtp stands in it.
type notifyDoc struct {
	header
	commonDoc
	Webhook *hcl.Attribute `hcl:"webhook,optional" type:"string" doc:"The URL to post to; an empty one disables the block, with a warning."`
	Command *hcl.Attribute `hcl:"command,optional" type:"list(string)" doc:"A command that gets the message on its standard input."`
	SMTP    *smtpDoc       `hcl:"smtp,block" doc:"A mail server and recipients."`
	Limit   *hcl.Attribute `hcl:"limit,optional" type:"int" default:"1" doc:"How many messages within the window; the rest are summed up."`
	Within  *hcl.Attribute `hcl:"within,optional" type:"duration" default:"5m" doc:"The window of limit."`
}

type smtpDoc struct {
	header
	Server   *hcl.Attribute `hcl:"server" type:"host:port" doc:"The mail server."`
	From     *hcl.Attribute `hcl:"from" type:"string" doc:"The sender."`
	To       *hcl.Attribute `hcl:"to" type:"list(string)" doc:"The recipients."`
	User     *hcl.Attribute `hcl:"user,optional" type:"string" doc:"The user to log in as."`
	Password *hcl.Attribute `hcl:"password,optional" type:"string" doc:"The user's password."`
}
