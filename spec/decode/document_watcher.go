package decode

import "github.com/hashicorp/hcl/v2"

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
