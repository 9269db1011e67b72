// Package metric describes a running system in Prometheus' terms.
//
// A [Recorder] counts what is over by the time anybody asks: how long starts
// and probes took. An [Exporter] makes the text of that and of a snapshot,
// which it takes at each scrape: nothing is measured as long as nobody
// scrapes.
//
// The number of series is bounded: by the units that are declared, by their
// states, by the kinds of units and probes. No label and no help text holds
// anything that a user marked as sensitive: labels are addresses, states and
// kinds.
//
// The text is written here and not by Prometheus' library, which would cost
// every engine 1.3 MiB of memory that nobody scrapes; its parser and its
// linter judge the text in the tests.
package metric
