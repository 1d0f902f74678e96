package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"gibbon/control/rows"
	"gibbon/control/store"
	"gibbon/entity"
)

// A ConflictError says what keeps an old state from coming back.
type ConflictError struct {
	Message   string     `json:"message"`
	Conflicts []Conflict `json:"conflicts"`
}

// A Conflict is one entity that is in the way.
type Conflict struct {
	Kind     string `json:"kind"`
	ID       string `json:"id"`
	Revision int64  `json:"revision,omitempty"` // that wrote it last; absent when it is gone
	Reason   string `json:"reason"`
}

// Error returns the message.
func (e *ConflictError) Error() string { return e.Message }

// errMoved says that a revision came in between.
var errMoved = errors.New("somebody wrote meanwhile")

// Revert makes the configuration what it was at a revision, as a new revision.
// Its number is 0 when nothing is different. The error may be store.ErrNotFound,
// store.ErrForgotten or a *ConflictError.
func Revert(ctx context.Context, s store.Store, kinds entity.Kinds, actor string, number, now int64) (store.Revision, error) {
	for {
		u, err := undo(ctx, s, number)
		if err != nil {
			return store.Revision{}, err
		}
		expires, err := u.expiry(ctx, s, kinds)
		if err != nil {
			return store.Revision{}, err
		}
		r, err := s.Write(ctx, actor, func(tx store.Tx) error {
			latest, err := tx.Latest(ctx)
			switch {
			case err != nil:
				return err
			case latest != u.latest:
				return errMoved
			}
			gone, puts, err := u.steps(ctx, tx, kinds, expires, now)
			if err != nil {
				return err
			}
			return rows.Exchange(tx, kinds, gone, puts)
		})
		if errors.Is(err, errMoved) && ctx.Err() == nil {
			continue
		}
		return r, conflict(fmt.Sprintf("revision %d cannot come back", number), err)
	}
}

// steps lists the rows to be removed and to be written.
func (u *undone) steps(ctx context.Context, from store.Reader, kinds entity.Kinds, expires map[rowID]int64, now int64) (gone []store.Row, puts []rows.Replacement, err error) {
	for _, row := range u.order {
		doc := u.before[row]
		current, err := from.Get(ctx, row.kind, row.id)
		exists := err == nil
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, nil, err
		}
		end := expires[row]
		dead := end != 0 && end <= now
		switch {
		case doc == nil || dead:
			if exists {
				gone = append(gone, current)
			}
		case exists && bytes.Equal(doc, current.Doc) && end == current.Expires:
		default:
			p, ok, err := put(kinds, row, doc, end)
			if err != nil {
				return nil, nil, err
			}
			if !ok {
				continue
			}
			replacement := rows.Replacement{Put: p}
			if exists {
				replacement.Old = &current
			}
			puts = append(puts, replacement)
		}
	}
	return gone, puts, nil
}

// Undo takes back what one revision did and leaves later ones as they are. What
// they changed again is in the way.
func Undo(ctx context.Context, s store.Store, kinds entity.Kinds, actor string, number, now int64) (store.Revision, error) {
	revision, err := s.Revision(ctx, number)
	if err != nil {
		return store.Revision{}, err
	}
	u := &undone{since: number - 1, before: map[rowID][]byte{}}
	for _, c := range revision.Changes {
		row := rowID{c.Kind, c.ID}
		u.before[row] = c.Before
		u.order = append(u.order, row)
	}
	expires, err := u.expiry(ctx, s, kinds)
	if err != nil {
		return store.Revision{}, err
	}
	message := fmt.Sprintf("revision %d cannot be undone", number)
	r, err := s.Write(ctx, actor, func(tx store.Tx) error {
		var conflicts []Conflict
		for _, c := range revision.Changes {
			row, err := tx.Get(ctx, c.Kind, c.ID)
			switch {
			case errors.Is(err, store.ErrNotFound):
				if c.After != nil {
					conflicts = append(conflicts, Conflict{c.Kind, c.ID, 0, "it was removed later"})
				}
			case err != nil:
				return err
			case c.After == nil:
				conflicts = append(conflicts, Conflict{c.Kind, c.ID, row.Revision, "it was created again"})
			case !bytes.Equal(row.Doc, c.After):
				conflicts = append(conflicts, Conflict{c.Kind, c.ID, row.Revision, "it was changed again"})
			}
		}
		if len(conflicts) > 0 {
			return &ConflictError{message, conflicts}
		}
		gone, puts, err := u.steps(ctx, tx, kinds, expires, now)
		if err != nil {
			return err
		}
		return rows.Exchange(tx, kinds, gone, puts)
	})
	return r, conflict(message, err)
}

// conflict makes a *ConflictError of what the store refuses.
func conflict(message string, err error) error {
	if e, ok := errors.AsType[*store.UniqueError](err); ok {
		return &ConflictError{message, []Conflict{{Kind: e.Kind, ID: e.Owner, Reason: fmt.Sprintf("it has the %s %q", e.Key.Name, e.Key.Value)}}}
	}
	if e, ok := errors.AsType[*store.ReferencedError](err); ok {
		return &ConflictError{message, []Conflict{{Kind: e.ByKind, ID: e.ByID, Reason: fmt.Sprintf("it refers to the %s %q", singular(e.Kind), e.ID)}}}
	}
	if e, ok := errors.AsType[*store.MissingReferenceError](err); ok {
		return &ConflictError{message, []Conflict{{Kind: e.Ref.Kind, ID: e.Ref.ID, Reason: "it is gone, and a " + singular(e.Kind) + " needs it"}}}
	}
	return err
}
