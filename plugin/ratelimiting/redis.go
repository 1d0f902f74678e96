package ratelimiting

import (
	"context"
	"encoding/hex"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gibbon/plugin/redis"
)

// take is one step for Redis, so that limits are exact however many gateways
// count: KEYS are the windows, ARGV their limits and then for how many seconds
// they are kept. It returns what was used before.
var take = redis.NewScript(`
local used, within = {}, true
for i = 1, #KEYS do
	used[i] = tonumber(redis.call('GET', KEYS[i]) or '0')
	within = within and used[i] < tonumber(ARGV[i])
end
if within then
	for i = 1, #KEYS do
		if redis.call('INCR', KEYS[i]) == 1 then
			redis.call('EXPIRE', KEYS[i], ARGV[#KEYS + i])
		end
	end
end
return used
`)

// add adds to counts: ARGV are numbers and then for how many seconds they are
// kept. It returns the sums.
var add = redis.NewScript(`
local sums = {}
for i = 1, #KEYS do
	sums[i] = redis.call('INCRBY', KEYS[i], ARGV[i])
	redis.call('EXPIRE', KEYS[i], ARGV[#KEYS + i])
end
return sums
`)

// noID stands for the route or the service of plugins that have none.
const noID = "00000000-0000-0000-0000-000000000000"

// prefixOf begins the keys of a plugin. The reference names them so, too: both
// can count in one server.
func prefixOf(route, service string) string {
	if route == "" {
		route = noID
	}
	if service == "" {
		service = noID
	}
	return "ratelimit:" + route + ":" + service + ":"
}

// counterKey names the count of a client in a window.
func counterKey(prefix, client string, w window, start int64) string {
	if len(client) > longestClient {
		client = hex.EncodeToString([]byte(client))
	}
	return prefix + client + ":" + strconv.FormatInt(start*1000, 10) + ":" + windowNames[w]
}

// A remote counts in Redis.
type remote struct {
	client *redis.Client
	prefix string
}

// take counts a request of client there, unless a limit is reached. It fills u.
func (r *remote) take(client []byte, limits []limit, now int64, u *usage) (bool, error) {
	u.begin(limits, now)
	keys := make([]string, len(limits))
	args := make([]any, 2*len(limits))
	for i, l := range limits {
		keys[i] = counterKey(r.prefix, string(client), l.window, u.starts[i])
		args[i] = strconv.FormatFloat(l.most, 'f', -1, 64)
		args[len(limits)+i] = keep[l.window]
	}
	used, err := r.client.Run(context.Background(), take, keys, args...)
	if err != nil {
		return false, err
	}
	if len(used) != len(limits) {
		return false, errNonsense
	}
	copy(u.used[:], used)
	return u.judge(limits), nil
}

// keep is for how many seconds a window's count is kept.
var keep = [windows]int64{1, 60, 3600, 24 * 3600, 31 * 24 * 3600, 366 * 24 * 3600}

// A syncer counts here, and exchanges counts with Redis now and then. Between
// two exchanges gateways do not know of each other's requests.
type syncer struct {
	counters  *counters
	client    *redis.Client
	rate      time.Duration
	log       *slog.Logger
	scheduled atomic.Bool

	mu       sync.Mutex // guards prefixes
	prefixes map[scope]string
}

// mostKeys bounds what one script has to do.
const mostKeys = 500

// soon sees to it that the counts are exchanged.
func (s *syncer) soon() {
	if !s.scheduled.Load() && s.scheduled.CompareAndSwap(false, true) {
		time.AfterFunc(s.rate, s.exchange)
	}
}

// A debt is what Redis has not been told yet.
type debt struct {
	key    key
	window window
	start  int64
	number int64
}

// exchange tells Redis what was counted here, and learns what all have counted.
func (s *syncer) exchange() {
	s.scheduled.Store(false)
	debts := s.counters.debts()
	for len(debts) > 0 {
		some := debts[:min(len(debts), mostKeys)]
		debts = debts[len(some):]
		keys := make([]string, len(some))
		args := make([]any, 2*len(some))
		s.mu.Lock()
		for i, d := range some {
			keys[i] = counterKey(s.prefixes[d.key.scope], d.key.client, d.window, d.start)
			args[i], args[len(some)+i] = d.number, keep[d.window]
		}
		s.mu.Unlock()
		sums, err := s.client.Run(context.Background(), add, keys, args...)
		if err == nil && len(sums) != len(some) {
			err = errNonsense
		}
		if err != nil {
			s.log.Error("counts are not exchanged with Redis", "error", err)
			sums = nil
		}
		s.counters.settle(some, sums)
		if err != nil {
			s.soon()
		}
	}
}

// debts returns what was counted since the last time.
func (c *counters) debts() []debt {
	var debts []debt
	for i := range c.shard {
		h := &c.shard[i]
		h.mu.Lock()
		for k, n := range h.table {
			for w := range windows {
				if n.owed[w] > 0 {
					debts = append(debts, debt{k, w, n.start[w], n.owed[w]})
					n.owed[w] = 0
				}
			}
		}
		h.mu.Unlock()
	}
	return debts
}

// settle takes over the sums that Redis has told; nil means that it was not reached.
func (c *counters) settle(debts []debt, sums []int64) {
	for i, d := range debts {
		h := c.of([]byte(d.key.client))
		h.mu.Lock()
		if n := h.table[d.key]; n != nil && n.start[d.window] == d.start {
			if sums == nil {
				n.owed[d.window] += d.number
			} else {
				n.used[d.window] = sums[i] + n.owed[d.window]
			}
		}
		h.mu.Unlock()
	}
}
