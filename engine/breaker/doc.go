// Package breaker keeps calls away from what is failing.
//
// A [Guard] is a circuit breaker: a caller asks it for a [Permit] before each
// call and tells it afterwards how the call went. The states and their
// counts are those of failsafe-go's circuit breaker; the guard adds what a
// proxy needs on top and failsafe-go has no word for.
//
//	          rule met, trip, Retry-After
//	closed ────────────────────────────────► open ◄────────────┐
//	  ▲  ▲                                     │ until is over,  │ too many failures,
//	  │  │ reset                               │ at the next     │ trip, or no call
//	  │  └──────────────── any state           ▼ call            │ comes back
//	  └──────────────────────────────────── half-open ──────────┘
//	          enough successes
//
// What it promises:
//
//   - An outcome is success, failure or neutral. Neutral ones, such as a
//     client that hangs up, move nothing and give their place in a trial back.
//   - Each change of state begins a new generation. An outcome of a call that
//     began in an older one is counted in the numbers and nowhere else: a slow
//     success from before the trip closes nothing.
//   - An open breaker knows until when. It is never open without an end, not
//     after a restart either, save by [ForcedOpen].
//   - A trial whose calls never come back is a failed one, so a lost permit
//     does not keep a breaker half-open for ever.
//   - Whoever opens it again soon waits longer: the time grows by a factor, up
//     to a bound, with jitter.
//   - Asking and telling allocate nothing, and no callback runs under a lock.
//
// Over the state lies a [Mode]: forced open, forced closed, or observe, in
// which the breaker works as ever and refuses nobody. Modes leave the state
// below alone. docs/breaker.md tells people of all this.
package breaker
