package metric

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// The types of metrics.
const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// page is a text in Prometheus' format, version 0.0.4. The samples of one
// family stand together, below what family wrote.
type page struct {
	buf    bytes.Buffer
	common []string // name and value of labels that every sample has
	name   string   // of the family
}

// family begins the samples of a metric.
func (p *page) family(name, kind, help string) {
	p.name = name
	p.buf.WriteString("# HELP " + name + " " + strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help) + "\n")
	p.buf.WriteString("# TYPE " + name + " " + kind + "\n")
}

// sample writes a value with labels: name, value, name, value.
func (p *page) sample(v float64, labels ...string) { p.write("", v, labels) }

// one writes a family of one sample.
func (p *page) one(name, kind, help string, v float64, labels ...string) {
	p.family(name, kind, help)
	p.sample(v, labels...)
}

// durations writes a histogram.
func (p *page) durations(d *durations, bounds []float64, labels ...string) {
	count := uint64(0)
	for i, n := range d.counts {
		count += n
		bound := "+Inf"
		if i < len(bounds) {
			bound = number(bounds[i])
		}
		p.write("_bucket", float64(count), append(slices.Clone(labels), "le", bound))
	}
	p.write("_sum", d.sum, labels)
	p.write("_count", float64(count), labels)
}

func (p *page) write(suffix string, v float64, labels []string) {
	p.buf.WriteString(p.name + suffix)
	separator := byte('{')
	for _, pairs := range [2][]string{p.common, labels} {
		for i := 0; i+1 < len(pairs); i += 2 {
			p.buf.WriteByte(separator)
			p.buf.WriteString(pairs[i] + `="` + labelText(pairs[i+1]) + `"`)
			separator = ','
		}
	}
	if separator == ',' {
		p.buf.WriteByte('}')
	}
	p.buf.WriteString(" " + number(v) + "\n")
}

// labelText escapes the value of a label.
func labelText(s string) string {
	if !strings.ContainsAny(s, "\\\n\"") {
		return s
	}
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(s)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
