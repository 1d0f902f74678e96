package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"gibbon/control/store"
)

// Unknown is what a node follows from that knows nothing for certain.
const Unknown = -1

// Follow has the callbacks told of what other nodes write, from now on until the
// store is closed. The caller knows everything up to the revision since. Reload
// is called when it must read everything anew, because it knows nothing, or the
// database was away for too long or went back to a backup; it returns the number
// of the revision that it has read. It must not write. Until it has succeeded
// Writes fail with store.ErrUnavailable.
//
// Follow is called once, before the first Write.
func (s *Store) Follow(since int64, reload func(context.Context) (int64, error)) {
	if since == Unknown {
		since = outdated
	}
	s.told.Store(since)
	s.following.Go(func() { s.keepUp(reload) })
	if !s.options.PollOnly {
		s.following.Go(s.listen)
	}
}

// Answers reports whether the database answered when the follower last looked.
func (s *Store) Answers() bool { return !s.away.Load() }

// keepUp looks for new revisions at every interval, and when it is woken.
func (s *Store) keepUp(reload func(context.Context) (int64, error)) {
	ticker := time.NewTicker(s.options.Interval)
	defer ticker.Stop()
	var reported time.Time // when the node last said that it cannot follow
	var away string
	var registered registration
	prepared := s.options.Prepare == nil
	for {
		var err error
		if !prepared {
			err = s.options.Prepare(s.follow)
			prepared = err == nil
		}
		if err == nil {
			err = s.look(s.follow, reload)
		}
		if told := s.told.Load(); err == nil && registered.due(told) {
			if err = s.register(s.follow, told); err == nil {
				registered = registration{told, time.Now()}
			}
		}
		if s.follow.Err() != nil {
			return // which may be all that the error says
		}
		s.away.Store(err != nil)
		switch {
		case err == nil && away != "":
			s.log.Warn("the database answers again", "revision", s.told.Load())
			away = ""
		case err != nil && (away == "" || time.Since(reported) > reportEvery):
			s.log.Error("waiting for the database; the configuration stays as it is", "error", err)
			away, reported = err.Error(), time.Now()
		}
		select {
		case <-s.follow.Done():
			return
		case <-ticker.C:
		case <-s.wake:
		}
	}
}

const (
	reportEvery   = 30 * time.Second // how often a lasting trouble is said
	someRevisions = 100              // read at a time
)

// look has the callbacks told of all that is new.
func (s *Store) look(ctx context.Context, reload func(context.Context) (int64, error)) error {
	told := s.told.Load()
	latest, err := s.Latest(ctx)
	if err != nil {
		return err
	}
	if told >= 0 && latest >= told {
		err := s.catchUpUnlocked(ctx, told, latest)
		if !errors.Is(err, store.ErrForgotten) {
			return err
		}
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	if told = s.told.Load(); told >= 0 && latest < told {
		if latest, err = s.Latest(ctx); err != nil || latest >= told { // a Write came in between
			return err
		}
	}
	s.told.Store(outdated)
	number, err := reload(ctx)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	s.told.Store(number)
	return nil
}

func (s *Store) catchUpUnlocked(ctx context.Context, told, latest int64) error {
	for told < latest {
		revisions, err := s.Changes(ctx, told, someRevisions)
		if err != nil {
			return err
		}
		s.telling.Lock()
		s.tell(revisions)
		next := s.told.Load()
		s.telling.Unlock()
		if next <= told {
			return fmt.Errorf("%w: revision %d is missing in the database", store.ErrForgotten, told+1)
		}
		told = next
	}
	return nil
}

// catchUp has the callbacks told of the revisions up to latest, before a Write
// begins that sees them.
func (s *Store) catchUp(ctx context.Context, r reader, latest int64) error {
	if s.told.Load() == latest {
		return nil
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	switch told := s.told.Load(); {
	case told == untold:
		s.told.Store(latest)
		return nil
	case told == outdated || told > latest:
		s.wakeUp()
		return fmt.Errorf("%w: this node has to read the configuration first: try again in a moment", store.ErrUnavailable)
	}
	for s.told.Load() < latest {
		told := s.told.Load()
		revisions, err := r.revisions(ctx, told, someRevisions)
		if err == nil {
			s.tell(revisions)
		}
		if errors.Is(err, store.ErrForgotten) || err == nil && s.told.Load() == told {
			s.told.Store(outdated)
			s.wakeUp()
			err = fmt.Errorf("%w: this node has to read the configuration first: try again in a moment", store.ErrUnavailable)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	settleWithin = 2 * time.Second
	settleEvery  = 10 * time.Millisecond
)

// settle waits for a follower that reads everything anew, as it does for an instant
// after the database has come back. A Write that finds it still reading is refused.
func (s *Store) settle(ctx context.Context) {
	if s.told.Load() != outdated {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	ticker := time.NewTicker(settleEvery)
	defer ticker.Stop()
	for s.wakeUp(); s.told.Load() == outdated; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// wakeUp has the follower look at once.
func (s *Store) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// listen wakes the follower when the database notifies of a revision. While it
// cannot, the follower looks at every interval all the same.
func (s *Store) listen() {
	for s.follow.Err() == nil {
		_ = s.listenOnce(s.follow) // the follower reports when the database is away
		select {
		case <-s.follow.Done():
		case <-time.After(s.options.Interval):
		}
	}
}

func (s *Store) listenOnce(ctx context.Context) error {
	conn, err := s.options.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is lost
	var channel string
	if err := conn.QueryRow(ctx, "SELECT 'gibbon_' || current_schema()").Scan(&channel); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return err
	}
	s.wakeUp() // for what came before
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if number, err := strconv.ParseInt(n.Payload, 10, 64); err != nil || number > s.told.Load() {
			s.wakeUp()
		}
	}
}
