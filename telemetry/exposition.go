package telemetry

import (
	"bufio"
	"math"
	"strconv"
	"time"
)

// The types of metric families.
const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// A label is a name, which is ours, and a value, which may be anybody's.
type label struct{ name, value string }

// An exposition writes Prometheus' text format, version 0.0.4. Errors stay in w.
type exposition struct {
	w    *bufio.Writer
	line []byte // reused
}

// family begins a family. Its samples follow before the next one begins.
func (e *exposition) family(name, kind, help string) {
	e.line = append(e.line[:0], "# HELP "...)
	e.line = append(append(e.line, name...), ' ')
	e.line = append(append(e.line, help...), "\n# TYPE "...)
	e.line = append(append(e.line, name...), ' ')
	e.line = append(append(e.line, kind...), '\n')
	_, _ = e.w.Write(e.line) // Flush reports it
}

// sample writes one line.
func (e *exposition) sample(name string, value float64, labels ...label) {
	e.write(name, "", value, labels, "")
}

// distribution writes a histogram in milliseconds. One without any value is left out.
func (e *exposition) distribution(name string, d *distribution, labels ...label) {
	count := d.count()
	if count == 0 {
		return
	}
	var below int64
	for i, bound := range d.bounds {
		below += d.buckets[i]
		e.write(name, "_bucket", float64(below), labels, strconv.FormatInt(bound, 10))
	}
	e.write(name, "_bucket", float64(count), labels, "+Inf")
	e.write(name, "_count", float64(count), labels, "")
	e.write(name, "_sum", float64(d.sum)/float64(time.Millisecond), labels, "")
}

func (e *exposition) write(name, suffix string, value float64, labels []label, le string) {
	e.line = append(append(e.line[:0], name...), suffix...)
	separator := byte('{')
	for _, l := range labels {
		e.line = append(e.line, separator)
		e.line = append(append(e.line, l.name...), `="`...)
		e.line = append(appendLabel(e.line, l.value), '"')
		separator = ','
	}
	if le != "" {
		e.line = append(e.line, separator)
		e.line = append(append(append(e.line, `le="`...), le...), '"')
		separator = ','
	}
	if separator == ',' {
		e.line = append(e.line, '}')
	}
	e.line = append(e.line, ' ')
	if value == math.Trunc(value) && math.Abs(value) < 1<<53 {
		e.line = strconv.AppendInt(e.line, int64(value), 10)
	} else {
		e.line = strconv.AppendFloat(e.line, value, 'g', -1, 64)
	}
	_, _ = e.w.Write(append(e.line, '\n')) // Flush reports it
}

// appendLabel escapes what would end a label's value or its line.
func appendLabel(dst []byte, value string) []byte {
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\':
			dst = append(dst, `\\`...)
		case '"':
			dst = append(dst, `\"`...)
		case '\n':
			dst = append(dst, `\n`...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
