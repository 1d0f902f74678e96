package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"gibbon/control/events"
	"gibbon/data/balancer"
	"gibbon/data/resolver"
	"gibbon/data/traffic"
	"gibbon/entity"
)

// noNames knows no name.
type noNames struct{}

var errNoNames = errors.New("no names here")

func (noNames) Lookup(context.Context, string) (*resolver.Answer, error)  { return nil, errNoNames }
func (noNames) Cached(string) (*resolver.Answer, bool)                    { return nil, false }
func (noNames) Refresh(context.Context, string) (*resolver.Answer, error) { return nil, errNoNames }

// BenchmarkLookAtTraffic is one look per second at 500 busy targets, the rest of
// which BenchmarkTraffic of control/events measures. 50 ms would be a twentieth of a core.
func BenchmarkLookAtTraffic(b *testing.B) {
	registry := balancer.NewRegistry(balancer.Options{Resolver: noNames{}})
	defer registry.Close()
	table := traffic.NewTable()
	defer table.Close()
	u := &entity.Upstream{ID: "u", Name: "shop", Algorithm: "round-robin", HashOn: "none"}
	var list []*entity.Target
	counts := make([]*traffic.Target, 500)
	for i := range counts {
		name := fmt.Sprintf("10.0.%d.%d:80", i/250, i%250)
		list = append(list, &entity.Target{ID: fmt.Sprint("t", i), Upstream: "u", Target: name, Weight: 100, CreatedAt: float64(i + 1)})
		counts[i] = table.Target("shop", name)
	}
	registry.Set(u, list)
	look := looksAtTraffic(registry, table)
	busy := func(c events.Counters) (n int) {
		for _, t := range c.Targets {
			if t.Rate > 0 {
				n++
			}
		}
		return n
	}
	for { // until the seconds have gone by in which they were busy
		for i, c := range counts {
			c.Answered(200, time.Duration(1+i%40)*time.Millisecond)
		}
		if c, ok := look("u"); ok && busy(c) == len(counts) && c.Seconds >= 3 {
			break
		}
		<-time.After(50 * time.Millisecond)
	}
	for b.Loop() {
		if c, ok := look("u"); !ok || busy(c) != len(counts) {
			b.Fatalf("%d of %d targets are busy", busy(c), len(counts))
		}
	}
}
