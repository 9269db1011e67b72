// Package footprint makes a process small that has much of its work behind
// it. A program that has read a configuration, or has only begun, holds many
// pages of its own file that it will not look at again for days: decoders,
// parsers, their tables. It imports the least that it can: a guardian waits
// before most packages are initialised.
package footprint
