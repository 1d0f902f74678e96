package sqlite

import (
	"context"

	"gibbon/control/store"
)

var _ store.Counters = (*Store)(nil)

// sweepCounters is how many seconds lie between two looks for expired counters.
const sweepCounters = 60

// Count judges and counts requests, as a Write that changes no row.
func (s *Store) Count(ctx context.Context, requests [][]store.Bound) (before [][]int64, err error) {
	_, err = s.write(ctx, "", func(t *tx) error {
		if err := t.ready(); err != nil {
			return err
		}
		before, err = t.count(requests)
		return err
	})
	if err != nil {
		return nil, err
	}
	return before, nil
}

func (t *tx) count(requests [][]store.Bound) ([][]int64, error) {
	if last := t.store.swept; t.now-last >= sweepCounters || t.now < last {
		t.store.swept = t.now
		if err := t.exec("DELETE FROM counters WHERE expires <= ?", t.now); err != nil {
			return nil, err
		}
	}
	expires, used := store.Expiries(requests), map[string]int64{}
	for key := range expires {
		var n int64
		if _, err := (tables{t}).look([]any{&n}, "SELECT used FROM counters WHERE key = ? AND expires > ?", key, t.now); err != nil {
			return nil, err
		}
		used[key] = n
	}
	before := store.Judge(requests, used)
	for key, n := range used {
		err := t.exec("INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET used = excluded.used, expires = excluded.expires",
			key, n, expires[key])
		if err != nil {
			return nil, err
		}
	}
	return before, nil
}
