package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"gibbon/control/history"
	"gibbon/control/store"
)

func (a *api) addRevisions() {
	a.routes.addOurs("/revisions", methods{http.MethodGet: a.listRevisions})
	a.routes.addOurs("/revisions/{revision}", methods{http.MethodGet: a.readRevision})
	a.routes.addOurs("/revisions/{revision}/revert", methods{http.MethodPost: a.revert})
	a.routes.addOurs("/revisions/{revision}/undo", methods{http.MethodPost: a.undo})
	a.routes.addOurs("/transactions", methods{http.MethodPost: a.transact})
}

// A revision is what a list tells of one.
type revision struct {
	Number  int64   `json:"number"`
	Time    float64 `json:"time"` // Unix seconds with milliseconds
	Actor   string  `json:"actor"`
	Summary string  `json:"summary"`

	Changes []history.Change `json:"changes,omitempty"` // only when it is shown alone
}

func (a *api) show(r store.Revision) revision {
	return revision{
		Number: r.Number, Time: float64(r.Time.UnixMilli()) / 1000, Actor: r.Actor,
		Summary: history.Summary(a.Kinds, r),
	}
}

// listRevisions answers with the newest first. The offset is the last number of
// the page before.
func (a *api) listRevisions(q *request) (*reply, error) {
	size, err := q.size()
	if err != nil {
		return nil, err
	}
	below, err := q.place()
	if err != nil {
		return nil, err
	}
	revisions, more, err := history.Newest(q.Context(), a.store, int64(below), size)
	if err != nil {
		return nil, err
	}
	l := listing{Data: make([]json.RawMessage, 0, len(revisions))}
	for _, r := range revisions {
		item, err := marshal(a.show(r))
		if err != nil {
			return nil, err
		}
		l.Data = append(l.Data, item)
	}
	if more {
		l.next("/revisions", strconv.FormatInt(revisions[len(revisions)-1].Number, 10), q.carry("size"))
	}
	return l.reply()
}

// number is the revision that the path names.
func (q *request) number() (int64, error) {
	n, err := strconv.ParseInt(q.params[0], 10, 64)
	if err != nil || n < 0 {
		return 0, errNotFound
	}
	return n, nil
}

func revisionError(number int64, err error) error {
	switch {
	case errors.Is(err, store.ErrForgotten):
		return &messageError{http.StatusGone, fmt.Sprintf("revision %d is no longer kept", number)}
	case errors.Is(err, store.ErrNotFound):
		return &messageError{http.StatusNotFound, fmt.Sprintf("there is no revision %d", number)}
	}
	return err
}

func (a *api) readRevision(q *request) (*reply, error) {
	number, err := q.number()
	if err != nil {
		return nil, err
	}
	r, err := a.store.Revision(q.Context(), number)
	if err != nil {
		return nil, revisionError(number, err)
	}
	shown := a.show(r)
	if shown.Changes, err = history.Describe(a.Kinds, r); err != nil {
		return nil, err
	}
	return jsonReply(http.StatusOK, shown)
}

// revert brings the whole configuration of a revision back.
func (a *api) revert(q *request) (*reply, error) {
	number, err := q.number()
	if err != nil {
		return nil, err
	}
	if a.Declarative != nil {
		return nil, errWhole
	}
	r, err := history.Revert(q.Context(), a.store, a.Kinds, q.actor(), number, a.Now().Unix())
	return a.wentBack(number, r, err)
}

// undo takes back what one revision did.
func (a *api) undo(q *request) (*reply, error) {
	number, err := q.number()
	if err != nil {
		return nil, err
	}
	if a.Declarative != nil {
		return nil, errWhole
	}
	r, err := history.Undo(q.Context(), a.store, a.Kinds, q.actor(), number, a.Now().Unix())
	return a.wentBack(number, r, err)
}

// errWhole refuses to go back where there is nothing to keep a state in.
var errWhole = &messageError{http.StatusMethodNotAllowed, "the configuration of this node is given as a whole, by POST /config"}

func (a *api) wentBack(number int64, r store.Revision, err error) (*reply, error) {
	if e, ok := errors.AsType[*history.ConflictError](err); ok {
		return jsonReply(http.StatusConflict, e)
	}
	if err != nil {
		return nil, revisionError(number, err)
	}
	if r.Number == 0 {
		return jsonReply(http.StatusOK, map[string]any{"revision": nil, "message": "nothing is different"})
	}
	return jsonReply(http.StatusOK, map[string]any{"revision": a.show(r)})
}
