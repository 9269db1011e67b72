package decode

import "github.com/hashicorp/hcl/v2"

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
