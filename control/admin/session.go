package admin

import (
	"context"

	"gibbon/control/store"
)

// A session is what one request wants of the store besides its present.
type session struct {
	reader store.Reader     // to be read in place of the present; nil for the present
	tx     store.Tx         // of the transaction that the request is part of; nil otherwise
	seen   map[string]int64 // revisions of the rows that were looked up, by id
	number int64            // of the revision that the request made
}

type sessionKey struct{}

func withSession(ctx context.Context, s *session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

func sessionOf(ctx context.Context) *session {
	s, _ := ctx.Value(sessionKey{}).(*session)
	return s
}

// A sessionStore is the store as handlers see it. The context of a request says
// what it reads and into what it writes, so that no handler has to know.
type sessionStore struct{ store.Store }

func (s sessionStore) reader(ctx context.Context) store.Reader {
	if v := sessionOf(ctx); v != nil && v.reader != nil {
		return v.reader
	}
	return s.Store
}

func note(ctx context.Context, row store.Row, err error) (store.Row, error) {
	if v := sessionOf(ctx); v != nil && err == nil {
		if v.seen == nil {
			v.seen = map[string]int64{}
		}
		v.seen[row.ID] = row.Revision
	}
	return row, err
}

// Get returns the row with an id.
func (s sessionStore) Get(ctx context.Context, kind, id string) (store.Row, error) {
	row, err := s.reader(ctx).Get(ctx, kind, id)
	return note(ctx, row, err)
}

// Find returns the row with a unique value.
func (s sessionStore) Find(ctx context.Context, kind, key, value string) (store.Row, error) {
	row, err := s.reader(ctx).Find(ctx, kind, key, value)
	return note(ctx, row, err)
}

// List returns one page of rows.
func (s sessionStore) List(ctx context.Context, q store.Query) (store.Page, error) {
	return s.reader(ctx).List(ctx, q)
}

// Each calls f with every row of a kind.
func (s sessionStore) Each(ctx context.Context, kind string, f func(store.Row) error) error {
	return s.reader(ctx).Each(ctx, kind, f)
}

// Tags returns one page of uses of tags.
func (s sessionStore) Tags(ctx context.Context, q store.TagQuery) (store.TagPage, error) {
	return s.reader(ctx).Tags(ctx, q)
}

// View runs f with a Reader of one moment.
func (s sessionStore) View(ctx context.Context, f func(store.Reader) error) error {
	if v := sessionOf(ctx); v != nil && v.reader != nil {
		return f(v.reader)
	}
	return s.Store.View(ctx, f)
}

// Write runs f as a revision, or as a part of the one that a transaction makes.
func (s sessionStore) Write(ctx context.Context, actor string, f func(store.Tx) error) (store.Revision, error) {
	v := sessionOf(ctx)
	if v != nil && v.tx != nil {
		return store.Revision{}, f(v.tx)
	}
	r, err := s.Store.Write(ctx, actor, f)
	if v != nil {
		v.number = r.Number
	}
	return r, err
}
