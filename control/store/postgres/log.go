package postgres

import (
	"context"
	"time"

	"gibbon/control/store"
)

// The changes of a revision have places in one table that follow from its number,
// so that no further index is needed to find them.
const (
	placeBits  = 24
	maxChanges = 1 << placeBits
	lastNumber = 1<<(63-placeBits) - 2 // that has a place
)

func firstPlace(number int64) int64 { return number << placeBits }

// Changes returns the revisions after a number.
func (s *Store) Changes(ctx context.Context, since int64, limit int) ([]store.Revision, error) {
	return s.current().revisions(ctx, min(max(0, since), lastNumber), limit)
}

// Revision returns the revision with a number.
func (s *Store) Revision(ctx context.Context, number int64) (store.Revision, error) {
	if number < 1 {
		return store.Revision{}, store.ErrNotFound
	}
	revisions, err := s.Changes(ctx, number-1, 1)
	if err == nil && len(revisions) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Revision{}, err
	}
	return revisions[0], nil
}

const (
	someChanges = "SELECT place, time, actor, kind, id, expires, before, after FROM changes WHERE place >= $1 ORDER BY place"
	// endOf is the place behind the revisions that a limit allows. Numbers have no
	// holes, except before the oldest one that is kept.
	endOf = "SELECT coalesce(min(place), 0) FROM changes WHERE place >= $1"
)

// revisions reads the log: at most limit revisions, or all when it is 0.
func (r reader) revisions(ctx context.Context, since int64, limit int) ([]store.Revision, error) {
	text, args := someChanges, []any{firstPlace(since + 1)}
	if limit > 0 {
		// Reading must end early by itself: to break off costs the rest of the rows.
		var first int64
		if err := r.scan(ctx, []any{&first}, endOf, firstPlace(since+1)); err != nil {
			return nil, err
		}
		if first != 0 && first>>placeBits != since+1 {
			return nil, store.ErrForgotten
		}
		text = "SELECT place, time, actor, kind, id, expires, before, after FROM changes WHERE place >= $1 AND place < $2 ORDER BY place"
		args = append(args, firstPlace(min(since+int64(limit), lastNumber)+1))
	}
	var revisions []store.Revision
	err := r.query(ctx, func(scan func(...any) error) error {
		var place, nanoseconds int64
		var actor string
		var c store.Change
		if err := scan(&place, &nanoseconds, &actor, &c.Kind, &c.ID, &c.Expires, &c.Before, &c.After); err != nil {
			return err
		}
		number := place >> placeBits
		if n := len(revisions); n == 0 || revisions[n-1].Number != number {
			revisions = append(revisions, store.Revision{Number: number, Time: time.Unix(0, nanoseconds), Actor: actor})
		}
		last := &revisions[len(revisions)-1]
		last.Changes = append(last.Changes, c)
		return nil
	}, text, args...)
	switch {
	case err != nil:
		return nil, err
	case len(revisions) > 0 && revisions[0].Number != since+1:
		return nil, store.ErrForgotten
	}
	return revisions, nil
}

const (
	// A node that has not said anything for a day does not count: when it comes
	// back it reads everything anew.
	logBounds = "SELECT coalesce((SELECT min(place) FROM changes), 0), " +
		"(SELECT number FROM newest_revision), " +
		"coalesce((SELECT min(seen) FROM nodes WHERE at > now() - interval '1 day'), -1)"
	forgetNodes = "DELETE FROM nodes WHERE at < now() - interval '7 days'"
)

// Forget shortens the log, but keeps what a node has not seen that is there, or
// was within the last day.
func (s *Store) Forget(ctx context.Context, keep int) (more bool, err error) {
	var oldest, newest, seen int64
	if err := s.current().scan(ctx, []any{&oldest, &newest, &seen}, logBounds); err != nil {
		return false, err
	}
	last := newest - int64(max(1, keep)) // to forget
	if seen >= 0 {
		last = min(last, seen)
	}
	first := oldest >> placeBits
	if oldest == 0 || first > last {
		return false, s.current().query(ctx, ignore, forgetNodes)
	}
	until := min(first+store.ForgetLimit-1, last)
	err = s.current().query(ctx, ignore, "DELETE FROM changes WHERE place < $1", firstPlace(until+1))
	return err == nil && until < last, err
}
