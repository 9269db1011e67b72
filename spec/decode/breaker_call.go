package decode

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/syndicate/syndicate/spec"
)

// callRules reads what is expected of calls. What is left out is as in base.
func (d *decoder) callRules(w view, doc *callRulesDoc, base spec.CallRules) spec.CallRules {
	out := base
	if doc.SlowCall != nil {
		out.SlowCall = w.period("slow_call")
	}
	for _, bound := range []struct {
		attr *hcl.Attribute
		into *spec.Duration
	}{{doc.Timeout, &out.Timeout}, {doc.IdleTimeout, &out.IdleTimeout}, {doc.CallTimeout, &out.CallTimeout}} {
		if bound.attr != nil {
			if read := w.period(bound.attr.Name); read > 0 {
				*bound.into = read
			}
		}
	}
	if doc.FailureStatus != nil {
		out.FailureStatus = d.statuses(w, "failure_status", 200)
		if doc.NeutralStatus == nil {
			out.NeutralStatus = without(out.NeutralStatus, out.FailureStatus)
		}
	}
	if doc.NeutralStatus != nil {
		out.NeutralStatus = d.statuses(w, "neutral_status", 200)
	}
	if doc.FailureGRPC != nil {
		out.FailureGRPC = d.grpcCodes(w, "failure_grpc")
	}
	if doc.Retry != nil {
		out.Retry = d.callRetry(doc.Retry)
	}
	if doc.Fallbacks != nil {
		out.Fallbacks = nil
		for _, f := range doc.Fallbacks {
			out.Fallbacks = append(out.Fallbacks, d.fallback(f))
		}
	}
	d.slowBelowEnd(doc, &out)
	return out
}

// slowBelowEnd reports a slow_call that no call lives to see.
func (d *decoder) slowBelowEnd(doc *callRulesDoc, rules *spec.CallRules) {
	name, end := "timeout", rules.Timeout
	if rules.CallTimeout > 0 && rules.CallTimeout < end {
		name, end = "call_timeout", rules.CallTimeout
	}
	for _, attr := range []*hcl.Attribute{doc.SlowCall, doc.Timeout, doc.CallTimeout} {
		if attr != nil && rules.SlowCall > 0 && rules.SlowCall >= end {
			d.report(mistake(CodeCombine, attr.Range, "Bounds out of order",
				fmt.Sprintf("slow_call is %s, but a call ends at %s, %s.", rules.SlowCall, name, end)))
			return
		}
	}
}

// without returns the ranges that do not begin within one of the others.
func without(list, others []spec.StatusRange) []spec.StatusRange {
	return slices.DeleteFunc(slices.Clone(list), func(r spec.StatusRange) bool {
		return slices.ContainsFunc(others, func(o spec.StatusRange) bool { return o.From <= r.From && r.From <= o.To })
	})
}

// statuses reads a list of statuses: 503, 500-599, 5xx.
func (d *decoder) statuses(w view, name string, least int) []spec.StatusRange {
	out := []spec.StatusRange{}
	attr, _ := w.get(name)
	for _, text := range w.texts(name) {
		r, ok := parseStatuses(text)
		if !ok || r.From < least {
			d.report(mistake(CodeRange, attr.Expr.Range(), "No status", fmt.Sprintf(
				`%s has %q: write a status of %d to 599 such as "503", some such as "500-599", or a class such as "5xx".`, name, text, least)))
			continue
		}
		out = append(out, r)
	}
	return out
}

func parseStatuses(text string) (spec.StatusRange, bool) {
	if class, ok := strings.CutSuffix(strings.ToLower(text), "xx"); ok {
		n, err := strconv.Atoi(class)
		return spec.StatusRange{From: n * 100, To: n*100 + 99}, err == nil && len(class) == 1 && n >= 1 && n <= 5
	}
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	return spec.StatusRange{From: from, To: to}, err == nil && err2 == nil && 100 <= from && from <= to && to <= 599
}

// grpcCodes reads a list of the names of gRPC's status codes.
func (d *decoder) grpcCodes(w view, name string) []string {
	out := []string{}
	attr, _ := w.get(name)
	for _, text := range w.texts(name) {
		if text == "OK" || !slices.Contains(spec.GRPCCodes, text) {
			d.report(notAllowed(name, attr.Expr.Range(), text, spec.GRPCCodes[1:]))
			continue
		}
		out = append(out, text)
	}
	return out
}

// The defaults of a retry's lists.
var (
	retryMethods = []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete}
	retryStatus  = []spec.StatusRange{{From: http.StatusBadGateway, To: http.StatusGatewayTimeout}}
	retryGRPC    = []string{"UNAVAILABLE"}
)

// methodName is the form of a method of HTTP, such as M-SEARCH.
var methodName = regexp.MustCompile(`^[A-Z][A-Z-]*$`)

func (d *decoder) callRetry(doc *callRetryDoc) *spec.CallRetry {
	w := d.view(doc, "retry.")
	out := &spec.CallRetry{
		Range: rangeOf(doc.DefRange),
		Retry: spec.Retry{Attempts: w.number("attempts", 1, 100), Backoff: w.backoff()},
		// Nobody is to change what all have.
		Methods: slices.Clone(retryMethods), Status: slices.Clone(retryStatus), GRPC: slices.Clone(retryGRPC),
		Budget: w.share("budget"), MinPerSecond: w.number("min_per_second", 0, 1e6), MaxBody: w.size("max_body"),
	}
	if doc.Methods != nil {
		out.Methods = w.texts("methods")
		for _, m := range out.Methods {
			if !methodName.MatchString(m) {
				d.report(mistake(CodeEnum, doc.Methods.Expr.Range(), "No method", fmt.Sprintf("methods has %q: write a method of HTTP in capitals, such as \"POST\".", m)))
			}
		}
	}
	if doc.Status != nil {
		out.Status = d.statuses(w, "status", 400)
	}
	if doc.GRPC != nil {
		out.GRPC = d.grpcCodes(w, "grpc")
	}
	if most := spec.Size(16 << 20); out.MaxBody > most {
		d.report(mistake(CodeRange, doc.MaxBody.Expr.Range(), "Size out of range", fmt.Sprintf("max_body must be at most %s: each call under way may keep as much in memory.", most)))
	}
	return out
}

// routes reads the rules for parts of the calls; base are those of the rest.
func (d *decoder) routes(docs []*routeDoc, base spec.CallRules) []spec.Route {
	var out []spec.Route
	mux := http.NewServeMux()
	written := map[string]hcl.Range{}
	for _, doc := range docs {
		w := d.view(doc, "route.")
		out = append(out, spec.Route{
			Range: rangeOf(doc.DefRange), Pattern: doc.Label, Exclude: w.truth("exclude"), CallRules: d.callRules(w, &doc.callRulesDoc, base),
		})
		problem := register(mux, doc.Label)
		if method, path, ok := strings.Cut(doc.Label, " "); problem == "" && !strings.HasPrefix(doc.Label, "/") && (!ok || method != strings.ToUpper(method) || !strings.HasPrefix(strings.TrimLeft(path, " \t"), "/")) {
			problem = `it begins with a path, or with a method in capitals and a path`
		}
		if problem != "" {
			var others []related
			for label, at := range written {
				if strings.Contains(problem, strconv.Quote(label)) {
					others = append(others, related{at, "the other route"})
				}
			}
			d.report(mistake(CodePattern, doc.LabelRange, "Wrong pattern", fmt.Sprintf(
				`%q is no pattern of a route: %s. Write one such as "GET /items/{id}", "/static/" for all below it, or "/{$}" for that path alone.`, doc.Label, problem), others...))
		}
		written[doc.Label] = doc.LabelRange
	}
	return out
}

// register tries a pattern, and returns what is wrong with it. ServeMux has
// no other way to tell than to panic.
func register(mux *http.ServeMux, pattern string) (problem string) {
	defer func() {
		if p := recover(); p != nil {
			problem = fmt.Sprint(p)
			if _, why, ok := strings.Cut(problem, "conflicts with pattern "); ok {
				other, _, _ := strings.Cut(why, " (")
				problem = "it and " + other + " match some of the same calls, and none of the two is the more specific one"
				if other == strconv.Quote(pattern) {
					problem = "it is written twice, as " + other
				}
			} else if _, why, ok := strings.Cut(problem, strconv.Quote(pattern)+": "); ok {
				problem = why
			}
		}
	}()
	mux.Handle(pattern, http.NotFoundHandler())
	return ""
}

// clientTLS reads how to meet an upstream with TLS. That the files can be
// read shows when they are needed: they may come from a task.
func (d *decoder) clientTLS(doc *clientTLSDoc) *spec.ClientTLS {
	if doc == nil {
		return nil
	}
	w := d.view(doc, "tls.")
	out := &spec.ClientTLS{CA: w.path("ca"), Cert: w.path("cert"), Key: w.path("key"), ServerName: w.text("server_name")}
	if (doc.Cert == nil) != (doc.Key == nil) {
		attr := doc.Cert
		if attr == nil {
			attr = doc.Key
		}
		d.report(mistake(CodeCombine, attr.Range, "Certificate without a key", "cert and key go together: write both or none."))
	}
	return out
}

// onlyHTTP reports what has no meaning for connections.
func (d *decoder) onlyHTTP(doc *breakerDoc) {
	at := related{doc.Target.Range, "the target"}
	for _, attr := range []*hcl.Attribute{
		doc.SlowCall, doc.IdleTimeout, doc.CallTimeout, doc.FailureStatus, doc.NeutralStatus, doc.FailureGRPC, doc.PreserveHost,
	} {
		if attr != nil {
			d.report(mistake(CodeCombine, attr.Range, "No calls to measure",
				"The target is tcp, whose connections have no calls and answers: leave "+attr.Name+" out.", at))
		}
	}
	report := func(name string, block hcl.Range) {
		d.report(mistake(CodeCombine, block, "No calls to measure", "The target is tcp, whose connections have no calls and answers: leave "+name+" out.", at))
	}
	if doc.Retry != nil {
		report("retry", doc.Retry.DefRange)
	}
	if doc.TLS != nil {
		report("tls", doc.TLS.DefRange)
	}
	for _, r := range doc.Routes {
		report("route", r.DefRange)
	}
}
