package memory

import (
	"context"
	"slices"

	"gibbon/control/store"
)

// reader shows the current state.
func (s *Store) reader() view { return view{state: s.current.Load(), now: s.now().Unix()} }

// View runs f with a Reader of one moment.
func (s *Store) View(ctx context.Context, f func(store.Reader) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	return f(s.reader())
}

// Get returns a row.
func (s *Store) Get(ctx context.Context, kind, id string) (store.Row, error) {
	if err := s.ready(ctx); err != nil {
		return store.Row{}, err
	}
	return s.reader().Get(ctx, kind, id)
}

// Find returns the row with a unique value.
func (s *Store) Find(ctx context.Context, kind, key, value string) (store.Row, error) {
	if err := s.ready(ctx); err != nil {
		return store.Row{}, err
	}
	return s.reader().Find(ctx, kind, key, value)
}

// List returns one page of rows.
func (s *Store) List(ctx context.Context, q store.Query) (store.Page, error) {
	if err := s.ready(ctx); err != nil {
		return store.Page{}, err
	}
	return s.reader().List(ctx, q)
}

// Each calls f with every row of a kind.
func (s *Store) Each(ctx context.Context, kind string, f func(store.Row) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	return s.reader().Each(ctx, kind, f)
}

// Tags returns one page of uses of tags.
func (s *Store) Tags(ctx context.Context, q store.TagQuery) (store.TagPage, error) {
	if err := s.ready(ctx); err != nil {
		return store.TagPage{}, err
	}
	return s.reader().Tags(ctx, q)
}

// Latest returns the number of the newest revision.
func (s *Store) Latest(ctx context.Context) (int64, error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	return s.reader().Latest(ctx)
}

// Parameter returns a value of the installation.
func (s *Store) Parameter(ctx context.Context, name string) (string, error) {
	if err := s.ready(ctx); err != nil {
		return "", err
	}
	return s.reader().Parameter(ctx, name)
}

// Changes returns the revisions after a number.
func (s *Store) Changes(ctx context.Context, since int64, limit int) ([]store.Revision, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	now := s.current.Load()
	missing := max(0, since) - (now.latest - int64(len(now.log)))
	switch {
	case missing < 0:
		return nil, store.ErrForgotten
	case missing >= int64(len(now.log)):
		return nil, nil
	}
	log := now.log[missing:]
	if limit > 0 && limit < len(log) {
		log = log[:limit]
	}
	return slices.Clip(log), nil
}

// Revision returns the revision with a number.
func (s *Store) Revision(ctx context.Context, number int64) (store.Revision, error) {
	if err := s.ready(ctx); err != nil {
		return store.Revision{}, err
	}
	now := s.current.Load()
	place := number - 1 - (now.latest - int64(len(now.log)))
	switch {
	case number < 1 || number > now.latest:
		return store.Revision{}, store.ErrNotFound
	case place < 0:
		return store.Revision{}, store.ErrForgotten
	}
	return now.log[place], nil
}
