package declarative

import (
	"io"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
)

// partSize is how many entities are taken at a time; fewer than two parts are not
// worth another goroutine.
const partSize = 512

// inParts has all cores work through the numbers below n: worker is called once
// on each core that takes part, with the parts that fall to it, as bounds. A panic
// of a worker is the caller's, who may outlive it.
func inParts(n int, worker func(parts iter.Seq2[int, int])) {
	var taken atomic.Int64
	parts := func(yield func(from, to int) bool) {
		for {
			from := int(taken.Add(partSize)) - partSize
			if from >= n || !yield(from, min(from+partSize, n)) {
				return
			}
		}
	}
	workers := min(runtime.GOMAXPROCS(0), n/partSize)
	var running sync.WaitGroup
	panics := make(chan any, max(workers, 1))
	for range workers - 1 {
		running.Go(func() {
			defer func() { panics <- recover() }()
			worker(parts)
		})
	}
	worker(parts)
	running.Wait()
	close(panics)
	for p := range panics {
		if p != nil {
			panic(p)
		}
	}
}

// sharedRandom lets several goroutines read random bytes.
type sharedRandom struct {
	mu   sync.Mutex // guards from
	from io.Reader
}

// Read reads from the one source.
func (r *sharedRandom) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.from.Read(b)
}
