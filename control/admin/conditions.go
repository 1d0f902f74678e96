package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"gibbon/control/history"
	"gibbon/control/store"
)

// A staleError says that If-Match names another revision than the entity has.
type staleError struct{ revision int64 } // 0 when there is no such entity

func (staleError) Error() string { return "the entity is not at the revision that If-Match names" }

func (e staleError) reply() *reply {
	if e.revision == 0 {
		return message(http.StatusPreconditionFailed, "If-Match: there is no such entity")
	}
	r := message(http.StatusPreconditionFailed, "If-Match: the entity was changed by revision "+strconv.FormatInt(e.revision, 10))
	r.header = http.Header{"Etag": {etag(e.revision)}}
	return r
}

func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// matches tells whether a revision is among those that If-Match lists.
func matches(condition string, revision int64) bool {
	for tag := range strings.SplitSeq(condition, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == etag(revision) {
			return true
		}
	}
	return false
}

// A conditionalTx lets a request write only what is at the revision it names. The
// first row that a request writes is the one that its path names.
type conditionalTx struct {
	store.Tx

	ctx       context.Context //nolint:containedctx // of the one call of the transaction
	condition string
	checked   bool
}

func (c *conditionalTx) check(kind, id string) error {
	if c.checked {
		return nil
	}
	c.checked = true
	row, err := c.Get(c.ctx, kind, id)
	if errors.Is(err, store.ErrNotFound) {
		return staleError{}
	}
	if err == nil && !matches(c.condition, row.Revision) {
		err = staleError{row.Revision}
	}
	return err
}

// Insert adds a row.
func (c *conditionalTx) Insert(p store.Put) error {
	if err := c.check(p.Kind, p.ID); err != nil {
		return err
	}
	return c.Tx.Insert(p)
}

// Update replaces a row.
func (c *conditionalTx) Update(p store.Put) error {
	if err := c.check(p.Kind, p.ID); err != nil {
		return err
	}
	return c.Tx.Update(p)
}

// Delete removes a row and what goes with it.
func (c *conditionalTx) Delete(kind, id string) error {
	if err := c.check(kind, id); err != nil {
		return err
	}
	return c.Tx.Delete(kind, id)
}

// conditioned is f under the condition of a request, if it has one.
func (q *request) conditioned(f func(store.Tx) error) func(store.Tx) error {
	condition := strings.Join(q.Header.Values("If-Match"), ",")
	if condition == "" {
		return f
	}
	return func(tx store.Tx) error {
		err := f(&conditionalTx{Tx: tx, ctx: q.Context(), condition: condition})
		if q.Method == http.MethodDelete && errors.Is(err, store.ErrNotFound) {
			return staleError{}
		}
		return err
	}
}

// begin gives a request the session that it asks for: a past to read with ?at=,
// or the revision in the answer with ?revision or If-Match.
func (a *api) begin(q *request, route *routeNode) error {
	if !a.entityPaths[route.name] {
		return nil
	}
	wanted := len(q.arguments("revision")) > 0 || q.Header.Get("If-Match") != ""
	at := q.arguments("at")
	if len(at) == 0 && !wanted {
		return nil
	}
	s := sessionOf(q.Context())
	if s == nil {
		s = new(session)
		q.Request = q.WithContext(withSession(q.Context(), s))
	}
	if len(at) == 0 || q.Method != http.MethodGet && q.Method != http.MethodHead {
		return nil
	}
	text, _ := at[0].(string)
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 || len(at) > 1 {
		return &messageError{http.StatusBadRequest, "at must be the number of a revision"}
	}
	s.reader, err = a.pasts.at(q.Context(), a, number)
	return err
}

// tell adds the revision of the entity in an answer, when it was asked for.
func (q *request) tell(r *reply) *reply {
	s := sessionOf(q.Context())
	if s == nil || s.tx != nil || s.reader != nil || r.status >= http.StatusMultipleChoices {
		return r
	}
	revision := s.number
	if revision == 0 {
		var entity struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(r.body, &entity); err != nil {
			return r // no entity
		}
		revision = s.seen[entity.ID]
	}
	if revision == 0 {
		return r
	}
	told := *r
	if told.header = r.header.Clone(); told.header == nil {
		told.header = http.Header{}
	}
	told.header.Set("ETag", etag(revision))
	return &told
}

// pasts keeps the past that was asked for last: a list is read page by page.
type pasts struct {
	mu     sync.Mutex // guards the rest
	number int64
	past   store.Reader
}

func (p *pasts) at(ctx context.Context, a *api, number int64) (store.Reader, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.past != nil && p.number == number {
		return p.past, nil
	}
	past, err := history.Past(ctx, a.store, a.Kinds, number)
	if err != nil {
		return nil, revisionError(number, err)
	}
	p.number, p.past = number, past
	return past, nil
}
