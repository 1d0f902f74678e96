//go:build linux

package faults

import (
	"context"
	"time"
)

// often is the distance of the looks at how many requests there were.
const often = 100 * time.Millisecond

// A count is how many requests were sent and how many tries came until then.
type count struct{ requests, tries int }

// watch counts until ctx is done, and returns the most tries per request; see Result.
func (g *stage) watch(ctx context.Context, l *load) (worst float64, err error) {
	ticker := time.NewTicker(often)
	defer ticker.Stop()
	var counts []count
	for {
		select {
		case <-ctx.Done():
			return worstOf(counts), nil
		case <-ticker.C:
		}
		before := l.sentNow()
		tries, err := g.hits(context.WithoutCancel(ctx))
		if err != nil {
			return 0, err
		}
		counts = append(counts, count{(before + l.sentNow()) / 2, tries})
	}
}

// worstOf looks at all times of one, two and three seconds.
func worstOf(counts []count) (worst float64) {
	for seconds := 1; seconds <= 3; seconds++ {
		length := seconds * int(time.Second/often)
		for i := length; i < len(counts); i++ {
			requests, tries := counts[i].requests-counts[i-length].requests, counts[i].tries-counts[i-length].tries
			if requests > 0 {
				worst = max(worst, float64(tries)/float64(requests))
			}
		}
	}
	return worst
}
