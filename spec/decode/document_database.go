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

// dbBreakerDoc has no times of calls: query_timeout and pool bound those.
type dbBreakerDoc struct {
	header
	breakerRuleDoc
}
