package ratelimiting

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"gibbon/plugin"
)

const (
	// databaseTimeout is how long requests wait for the database at most.
	databaseTimeout = 2 * time.Second
	// databasePause is how long a database that did not answer is left alone: requests
	// meanwhile do not wait for it.
	databasePause = time.Second
	// mostTogether bounds how many requests are judged in one call of the database.
	mostTogether = 256
)

var (
	errNoCounters     = errors.New("there is no database to count in")
	errDatabaseSilent = errors.New("the database did not answer just now")
	errStopped        = errors.New("the gateway is stopping")
)

// A cluster counts in the database. Requests that come while it is asked are
// judged together in its next call, so that few calls are as exact as one for each.
type cluster struct {
	counters plugin.Counters
	queue    chan *counting
	silent   atomic.Int64 // until when, in nanoseconds of Unix time
	context  context.Context
	stop     context.CancelFunc
}

// A counting is a request that waits to be judged.
type counting struct {
	bounds []plugin.Bound
	before []int64 // valid after done, like err
	err    error
	done   chan struct{}
}

func newCluster(counters plugin.Counters) *cluster {
	c := &cluster{counters: counters, queue: make(chan *counting, mostTogether)}
	c.context, c.stop = context.WithCancel(context.Background())
	go c.run()
	return c
}

// Close sends all who wait away.
func (c *cluster) Close() error {
	c.stop()
	return nil
}

// take counts a request of client, unless a limit is reached. It fills u.
func (c *cluster) take(prefix string, client []byte, limits []limit, now int64, u *usage) (bool, error) {
	if time.Now().UnixNano() < c.silent.Load() {
		return false, errDatabaseSilent
	}
	u.begin(limits, now)
	name := nameOf(client)
	k := &counting{bounds: make([]plugin.Bound, len(limits)), done: make(chan struct{})}
	for i, l := range limits {
		k.bounds[i] = plugin.Bound{
			Key: counterKey(prefix, name, l.window, u.starts[i]), Most: l.most, Expires: u.starts[i] + keep[l.window] + leeway,
		}
	}
	select {
	case c.queue <- k:
	case <-c.context.Done():
		return false, errStopped
	}
	select {
	case <-k.done:
	case <-c.context.Done():
		return false, errStopped
	}
	if k.err != nil {
		return false, k.err
	}
	copy(u.used[:], k.before)
	return u.judge(limits), nil
}

// nameOf is a client as part of a text that is not long, whatever was sent.
func nameOf(client []byte) string {
	if len(client) <= longestClient && utf8.Valid(client) && bytes.IndexByte(client, 0) < 0 {
		return string(client)
	}
	sum := sha256.Sum256(client)
	return hex.EncodeToString(sum[:])
}

// leeway is for how many seconds counters are kept beyond their windows: the
// clocks of nodes differ.
const leeway = 60

// run has requests judged, all that wait at a time.
func (c *cluster) run() {
	for {
		var all []*counting
		select {
		case k := <-c.queue:
			all = append(all, k)
		case <-c.context.Done():
			return
		}
		for len(all) < mostTogether && len(c.queue) > 0 {
			all = append(all, <-c.queue)
		}
		c.count(all)
	}
}

func (c *cluster) count(all []*counting) {
	requests := make([][]plugin.Bound, len(all))
	for i, k := range all {
		requests[i] = k.bounds
	}
	var before [][]int64
	err := errDatabaseSilent
	if time.Now().UnixNano() >= c.silent.Load() {
		ctx, cancel := context.WithTimeout(c.context, databaseTimeout)
		before, err = c.counters.Count(ctx, requests)
		if err == nil && len(before) != len(all) {
			err = errNonsense
		}
		if err != nil {
			if ctx.Err() != nil {
				c.silent.Store(time.Now().Add(databasePause).UnixNano())
			}
			err = fmt.Errorf("database: %w", err)
		}
		cancel()
	}
	for i, k := range all {
		if k.err = err; err == nil {
			k.before = before[i]
		}
		close(k.done)
	}
}
