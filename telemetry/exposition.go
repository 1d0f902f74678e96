package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The types of metric families.
const (
	counter   = prometheus.CounterValue
	gauge     = prometheus.GaugeValue
	histogram = prometheus.UntypedValue // of a distribution, which has a type of its own
)

// A label is a name, which is ours, and a value, which may be anybody's.
type label struct{ name, value string }

// An exposition hands samples to the library that prints them.
type exposition struct {
	out  chan<- prometheus.Metric
	kind prometheus.ValueType
	name string
	help string
}

// family begins a family. Its samples follow before the next one begins.
func (e *exposition) family(name string, kind prometheus.ValueType, help string) {
	e.name, e.kind, e.help = name, kind, help
}

func (e *exposition) describe(labels []label) (*prometheus.Desc, []string) {
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.name, l.value
	}
	return prometheus.NewDesc(e.name, e.help, names, nil), values
}

// sample adds one value to the family.
func (e *exposition) sample(value float64, labels ...label) {
	desc, values := e.describe(labels)
	m, err := prometheus.NewConstMetric(desc, e.kind, value, values...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	e.out <- m
}

// distribution adds a histogram in milliseconds. One without any value is left out.
func (e *exposition) distribution(d *distribution, labels ...label) {
	count := d.count()
	if count == 0 {
		return
	}
	buckets := make(map[float64]uint64, len(d.bounds))
	var below int64
	for i, bound := range d.bounds {
		below += d.buckets[i]
		buckets[float64(bound)] = uint64(below)
	}
	desc, values := e.describe(labels)
	sum := float64(d.sum) / float64(time.Millisecond)
	m, err := prometheus.NewConstHistogram(desc, uint64(count), sum, buckets, values...)
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	e.out <- m
}
