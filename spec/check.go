package spec

// The codes of what Check finds.
const (
	CodePortClash      = "S070" // two blocks with one port
	CodeLevels         = "S071" // a threshold's levels out of order
	CodeMemoryOrder    = "S072" // memory bounds out of order
	CodeUnusedBreaker  = "S073" // a breaker that nothing uses
	CodeSameBoundaries = "S074" // two boundaries that cannot be told apart
)
