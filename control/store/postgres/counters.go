package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"gibbon/control/store"
)

var _ store.Counters = (*Store)(nil)

const (
	// sweepCounters is how many seconds lie between two looks for expired counters.
	sweepCounters = 60

	// lockCounters makes the counters that do not exist, begins those anew that have expired, and
	// holds all until the commit. Whoever locks several does so in the order of their keys.
	lockCounters = `INSERT INTO counters SELECT key, 0, expires FROM unnest($1::text[], $2::bigint[]) AS n (key, expires) ORDER BY key COLLATE "C"
ON CONFLICT (key) DO UPDATE SET used = CASE WHEN counters.expires <= $3 THEN 0 ELSE counters.used END, expires = excluded.expires
RETURNING key, used`
	setCounters   = "UPDATE counters SET used = n.used FROM unnest($1::text[], $2::bigint[]) AS n (key, used) WHERE counters.key = n.key"
	clearCounters = `DELETE FROM counters WHERE key IN (
	SELECT key FROM counters WHERE expires <= $1 ORDER BY key LIMIT 10000 FOR UPDATE SKIP LOCKED)`
)

// Count judges and counts requests, in a transaction that holds their counters. All requests of a
// node should come in few calls: each one waits twice for the database.
func (s *Store) Count(ctx context.Context, requests [][]store.Bound) (before [][]int64, err error) {
	if s.closed.Load() {
		return nil, store.ErrClosed
	}
	for again := true; ; again = false {
		before, err = s.count(ctx, requests)
		if !again || !broken(err) || ctx.Err() != nil {
			return before, s.explain(err)
		}
		s.counting.drop() // as others are likely to be broken, too
	}
}

func (s *Store) count(ctx context.Context, requests [][]store.Bound) (before [][]int64, err error) {
	conn, err := s.counting.take(ctx, s.options.Wait)
	if err != nil {
		return nil, err
	}
	defer conn.release()
	now := s.options.Now().Unix()
	if last := s.swept.Load(); (now-last >= sweepCounters || now < last) && s.swept.CompareAndSwap(last, now) {
		if _, err := conn.Exec(ctx, clearCounters, now); err != nil {
			return nil, err
		}
	}
	err = pgx.BeginFunc(ctx, conn.Conn, func(tx pgx.Tx) error {
		expires := store.Expiries(requests)
		keys := slices.Sorted(maps.Keys(expires))
		ends := make([]int64, len(keys))
		for i, key := range keys {
			ends[i] = expires[key]
		}
		used, err := lockedCounters(ctx, tx, keys, ends, now)
		if err != nil {
			return err
		}
		before = store.Judge(requests, used)
		counts := make([]int64, len(keys))
		for i, key := range keys {
			counts[i] = used[key]
		}
		_, err = tx.Exec(ctx, setCounters, keys, counts)
		return err
	})
	return before, err
}

func lockedCounters(ctx context.Context, tx pgx.Tx, keys []string, ends []int64, now int64) (map[string]int64, error) {
	rows, err := tx.Query(ctx, lockCounters, keys, ends, now)
	if err != nil {
		return nil, err
	}
	used := make(map[string]int64, len(keys))
	var key string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&key, &n}, func() error {
		used[key] = n
		return nil
	})
	return used, err
}
