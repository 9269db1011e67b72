package api

// ProblemType is the media type of a [Problem].
const ProblemType = "application/problem+json"

// Problem is the body of every error, as RFC 9457 has it.
type Problem struct {
	FormatVersion string `json:"format_version"`
	Status        int    `json:"status" doc:"The status code of the answer."`
	Title         string `json:"title" doc:"The words for the status code."`
	Detail        string `json:"detail" doc:"What is wrong and what would be right, in words."`
}

// The addresses of the routes.
const (
	PathHealthz   = "/healthz"
	PathReadyz    = "/readyz"
	PathMetrics   = "/metrics"
	PathOpenAPI   = "/v1/openapi.json"
	PathStatus    = "/v1/status"
	PathLogin     = "/login"
	PathLogins    = "/v1/logins"
	PathUnits     = "/v1/units"
	PathQuestions = "/v1/questions"
	PathEvents    = "/v1/events"
	PathLogs      = "/v1/logs"
	PathApply     = "/v1/apply"
	PathCommands  = "/v1/commands"
	PathDown      = "/v1/down"
	PathPermits   = "/v1/permits"
	PathOutcomes  = "/v1/outcomes"
)
