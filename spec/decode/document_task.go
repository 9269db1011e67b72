package decode

import "github.com/hashicorp/hcl/v2"

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
