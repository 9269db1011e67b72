// Package decode turns the text of a configuration, in HCL's native syntax
// or in JSON, into a [spec.System]. It is the only package that knows HCL
// and cty.
//
// Decoding has two phases. The first reads structure only: each file is
// guarded against hostile nesting, parsed alone, and its blocks are laid out
// in doc structs (document*.go) whose fields are unevaluated attributes. The
// second evaluates: an attribute's expression is given exactly the values
// that its references name, each computed on demand and at most once, so
// that order in the files means nothing and a cycle among values is found
// where it closes.
//
// The tags of the doc structs are the one description of the language: the
// reference, the JSON Schema, completion and the list of features that are
// declared but not built yet are all read from them.
//
// Mistakes never stop the decoding: every result is as complete as it can
// be, and all diagnostics come at once, sorted.
package decode
