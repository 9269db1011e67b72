package decode

import "github.com/syndicate/syndicate/spec"

// The codes of the diagnostics that decoding gives. A code keeps its meaning
// for ever: scripts and people look them up with `syndicate explain CODE`.
const (
	// Text and structure.
	CodeSyntax         = "S001" // the text is not HCL or JSON
	CodeLimit          = "S002" // nested too deep, too long, or not UTF-8
	CodeFile           = "S003" // a file or directory cannot be read
	CodeArgument       = "S004" // an unknown, missing or repeated argument
	CodeBlockType      = "S005" // an unknown or misplaced block, or a wrong label
	CodeDuplicateBlock = "S006" // a second block where one may stand
	CodeDuplicateAddr  = "S007" // two blocks with one address
	CodeName           = "S008" // a label or key that is not an identifier
	CodeLiteral        = "S009" // something that must be a literal is not

	// Values.
	CodeType        = "S010" // a value of the wrong type
	CodeUnit        = "S011" // a duration, size, share or rate that is not one
	CodeEnum        = "S012" // a value outside of the allowed ones
	CodeRange       = "S013" // a number that is too small or too large
	CodeNull        = "S014" // null where a value is needed
	CodeEvaluate    = "S015" // an expression that cannot be evaluated
	CodeFunction    = "S016" // a function that does not exist or failed
	CodeUnknown     = "S017" // a value that must be known at plan time is not
	CodeSensitive   = "S018" // a sensitive value where it would be shown
	CodeShell       = "S019" // ${…} in a shell command
	CodeForEach     = "S020" // a for_each that is no map, set or list of strings
	CodeCombine     = "S021" // attributes that exclude or need one another
	CodePattern     = "S022" // a regular expression or a route that does not compile
	CodeURL         = "S023" // a URL or address that is not one
	CodeSignal      = "S024" // an unknown signal
	CodeUser        = "S025" // an unknown user or group
	CodePath        = "S026" // a file or directory that is not there
	CodeEnvironment = "S027" // an environment variable that is not set
	CodeSchedule    = "S028" // a schedule or time zone that is not one
	CodeEmpty       = "S029" // an empty text where one is needed

	// References.
	CodeReference = "S030" // an address that does not exist
	CodeMember    = "S031" // a member that the block does not have
	CodeKind      = "S032" // an address or member of another kind than needed
	CodeCycle     = "S033" // values that are made of one another
	CodeSelf      = "S034" // a block that refers to itself by its address
	CodeDisabled  = "S035" // a value of a disabled block
	CodeOrder     = "S036" // one block in two of depends_on, after and no_wait
	CodeCritical  = "S037" // critical depends on non-critical
	CodeDemand    = "S038" // depends on the completion of a task without run = "up"
	CodeInstance  = "S039" // a for_each instance that does not exist

	// Variables.
	CodeVariable   = "S040" // a variable that is not declared
	CodeNoValue    = "S041" // a variable without a value
	CodeValue      = "S042" // a value that a variable cannot take
	CodeValidation = "S043" // a variable's own validation failed
	CodeProfile    = "S044" // an active profile that no block names

	// Databases and probes.
	CodeSource  = "S050" // no source of a database, or more than one
	CodeProbe   = "S051" // a probe of no kind, or of two
	CodeEnvFile = "S052" // an env_file that cannot be read
	CodeOrphans = "S053" // processes that should outlive the engine

	// Warnings.
	CodeLiteralURL = "S060" // a literal URL where a reference would do
	CodeWebhook    = "S061" // an empty webhook
	CodeGateway    = "S062" // a query metric without a gateway
	CodeUndeclared = "S063" // a value in a file for a variable that is not declared
	CodeProgram    = "S064" // a command whose program is not there; found by validate
)

// The code of the diagnostic that package plan gives: dependencies between
// blocks that go in a circle.
const CodeCircle = "S080"

// The code of what up refuses: declared features that this version cannot
// run yet.
const CodeUnbuilt = "S081"

// The codes of the checks that package spec makes on the decoded system.
const (
	CodePortClash      = spec.CodePortClash
	CodeLevels         = spec.CodeLevels
	CodeMemoryOrder    = spec.CodeMemoryOrder
	CodeUnusedBreaker  = spec.CodeUnusedBreaker
	CodeSameBoundaries = spec.CodeSameBoundaries
)
