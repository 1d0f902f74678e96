package keyauth

import (
	"strings"
	"testing"

	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

// fields are lines that are made once, as those of a parsed head.
type fields struct{ names, values [][]byte }

func (f *fields) Len() int                      { return len(f.names) }
func (f *fields) At(i int) (name, value []byte) { return f.names[i], f.values[i] }

func (f *fields) Find(name string, i int) int {
	for ; i < len(f.names); i++ {
		if strings.EqualFold(string(f.names[i]), name) {
			return i
		}
	}
	return -1
}

// wire is a wire that makes nothing.
type wire struct {
	*plugintest.Wire
	lines fields
}

func (w *wire) Lines() plugin.Lines { return &w.lines }
func (w *wire) Method() []byte      { return get }

var get = []byte("GET")

func warm(tb testing.TB) func() {
	tb.Helper()
	s := plugintest.Start[plugin.Accessor](tb, &Plugin, `{}`, nil)
	x, w := plugintest.New(plugintest.Request{}, nil)
	own := &wire{Wire: w}
	for _, pair := range [][2]string{{"Host", "h"}, {"User-Agent", "curl/8"}, {"Accept", "*/*"}, {"apikey", "secret"}} {
		own.lines.names = append(own.lines.names, []byte(pair[0]))
		own.lines.values = append(own.lines.values, []byte(pair[1]))
	}
	w.Known = make([]string, 0, 8)
	d := directory()
	return func() {
		w.Known = w.Known[:0]
		x.Begin(own, d)
		if s.Access(x) != nil || x.Consumer == nil {
			tb.Fatal("refused")
		}
	}
}

func TestAccessDoesNotAllocate(t *testing.T) {
	one := warm(t)
	one()
	if n := testing.AllocsPerRun(1000, one); n != 0 {
		t.Errorf("%v allocations per request, want none", n)
	}
}

func BenchmarkAccess(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		one := warm(b)
		for pb.Next() {
			one()
		}
	})
}
