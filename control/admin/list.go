package admin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gibbon/control/store"
	"gibbon/schema"
)

const (
	defaultSize = 100
	maxSize     = 1000
	maxTags     = 5 // in a filter
)

// A listing is what a list answers with. Offset is absent on the last page.
type listing struct {
	Data   []json.RawMessage `json:"data"`
	Next   *string           `json:"next"`
	Offset string            `json:"offset,omitempty"`
}

// next links to the page that begins at an offset.
func (l *listing) next(path, offset, more string) {
	link := path + "?offset=" + escapeArgument(offset) + more
	l.Next, l.Offset = &link, offset
}

func escapeArgument(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// page answers with one page of a list that goes by id. The link to the next
// one carries the filter and the size only for the list of a whole kind.
func (r resource) page(q *request, query store.Query, path string, whole bool) (*reply, error) {
	size, err := q.size()
	if err != nil {
		return nil, err
	}
	query.Size = size
	if query.After, err = q.afterID(); err != nil {
		return nil, err
	}
	page, err := r.store.List(q.Context(), query)
	if err != nil {
		return nil, err
	}
	l, err := r.listing(q.Context(), page.Rows)
	if err != nil {
		return nil, err
	}
	// Without a database the reference looks no further than the page.
	if page.More || r.Declarative != nil && len(page.Rows) == size {
		more := ""
		if whole {
			more = q.carry("tags") + q.carry("size")
		}
		l.next(path, encodeOffset(page.Rows[len(page.Rows)-1].ID), more)
	}
	return l.reply()
}

func (r resource) listing(ctx context.Context, rows []store.Row) (*listing, error) {
	l := &listing{Data: make([]json.RawMessage, 0, len(rows))}
	if r.kind.Variants == nil && r.kind.Aliases == nil {
		return l, r.print(l, rows)
	}
	for _, row := range rows {
		e, err := r.load(row)
		if err != nil {
			return nil, err
		}
		if err := r.showAliases(ctx, e); err != nil {
			return nil, err
		}
		l.Data = append(l.Data, schema.Answer(nil, e))
	}
	return l, nil
}

// print is listing for kinds all of whose entities have the same fields, which are listed only once.
func (r resource) print(l *listing, rows []store.Row) error {
	printer := schema.NewPrinter(r.kind.New())
	var text []byte
	for _, row := range rows {
		if r.endless(row) {
			l.Data = append(l.Data, row.Doc)
			continue
		}
		start := len(text)
		var err error
		if text, err = printer.Answer(text, row.Doc, r.remaining(row.Expires)); err != nil {
			return fmt.Errorf("load %s %s: %w", row.Kind, row.ID, err)
		}
		l.Data = append(l.Data, text[start:len(text):len(text)])
	}
	return nil
}

// endless tells whether the answer says nothing of a lifetime because there is none: without a
// database the reference knows only the fields that were loaded.
func (r resource) endless(row store.Row) bool {
	return r.Declarative != nil && row.Expires == 0 && r.kind.Aliases == nil && schema.Mortal(r.kind.New())
}

// reply is the listing as an answer. Its items are JSON already and are not looked at again.
func (l *listing) reply() (*reply, error) {
	size := 64
	for _, item := range l.Data {
		size += len(item) + 1
	}
	body := append(make([]byte, 0, size), `{"data":[`...)
	for i, item := range l.Data {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, item...)
	}
	rest, err := marshal(struct {
		Next   *string `json:"next"`
		Offset string  `json:"offset,omitempty"`
	}{l.Next, l.Offset})
	if err != nil {
		return nil, err
	}
	body = append(append(body, "],"...), rest[1:]...)
	return &reply{status: http.StatusOK, body: body}, nil
}

// listOne answers with the one entity that has a unique value, if there is one.
func (r resource) listOne(q *request, value any) (*reply, error) {
	text, ok := value.(string)
	if !ok || text == "" {
		return nil, &messageError{http.StatusBadRequest, r.kind.Query + " must be an unempty string"}
	}
	var rows []store.Row
	row, err := r.store.Find(q.Context(), r.kind.Name, r.kind.Query, text)
	switch {
	case err == nil:
		rows = append(rows, row)
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	l, err := r.listing(q.Context(), rows)
	if err != nil {
		return nil, err
	}
	return l.reply()
}

// pageByPlace answers with one page of a list whose offset counts rows. Its
// size may be 0, for a page of nothing.
func (r resource) pageByPlace(q *request, query store.Query, path string) (*listing, []store.Row, error) {
	size, err := q.anySize()
	if err != nil {
		return nil, nil, err
	}
	if query.Skip, err = q.place(); err != nil {
		return nil, nil, err
	}
	query.Size = max(size, 1)
	page, err := r.store.List(q.Context(), query)
	if err != nil {
		return nil, nil, err
	}
	if size == 0 {
		page.More = len(page.Rows) > 0
		page.Rows = nil
	}
	l, err := r.listing(q.Context(), page.Rows)
	if err != nil {
		return nil, nil, err
	}
	if page.More {
		l.next(path, strconv.Itoa(query.Skip+size), "")
	}
	return l, page.Rows, nil
}

// carry repeats an argument of the query as it is meant.
func (q *request) carry(name string) string {
	var parts []string
	for _, v := range q.arguments(name) {
		if s, ok := v.(string); ok {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "&" + name + "=" + escapeArgument(strings.Join(parts, "/"))
}

// size is how many items a page may have.
func (q *request) size() (int, error) {
	n, given, err := q.numberArgument("size")
	switch {
	case err != nil || !given:
		return defaultSize, err
	case n != math.Trunc(n) || n < 1 || n > maxSize:
		return 0, invalidSize("size must be an integer between 1 and " + strconv.Itoa(maxSize))
	}
	return int(n), nil
}

// anySize is size without its range.
func (q *request) anySize() (int, error) {
	n, given, err := q.numberArgument("size")
	if err != nil || !given {
		return defaultSize, err
	}
	return int(min(max(n, 0), math.MaxInt32)), nil
}

func (q *request) numberArgument(name string) (n float64, given bool, err error) {
	values := q.arguments(name)
	if len(values) == 0 {
		return 0, false, nil
	}
	text, ok := values[0].(string)
	n, err = strconv.ParseFloat(text, 64)
	if !ok || len(values) > 1 || !q.plain(name) || err != nil || math.IsNaN(n) {
		return 0, false, invalidSize("size must be a number")
	}
	return n, true, nil
}

// plain tells whether an argument was written without brackets.
func (q *request) plain(name string) bool {
	return slices.ContainsFunc(q.query, func(a argument) bool { return a.name == name })
}

// afterID is the id in the offset, "" when there is none.
func (q *request) afterID() (string, error) {
	key, text, err := q.decodeOffset()
	if err != nil || key == nil {
		return "", err
	}
	id, ok := key[0].(string)
	if !ok || !schema.IsUUID(id) {
		return "", invalidOffset(text, "bad json encoding")
	}
	return id, nil
}

// decodeOffset returns the array in the offset, nil when there is none.
func (q *request) decodeOffset() (key []any, text string, err error) {
	values := q.arguments("offset")
	if len(values) == 0 {
		return nil, "", nil
	}
	text, _ = values[0].(string)
	plain := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	data, err := base64.RawURLEncoding.DecodeString(plain)
	if err != nil {
		return nil, text, invalidOffset(text, "bad base64 encoding")
	}
	v, err := parseJSON(string(data))
	key, ok := v.([]any)
	if err != nil || !ok || len(key) == 0 {
		return nil, text, invalidOffset(text, "bad json encoding")
	}
	return key, text, nil
}

func encodeOffset(key ...any) string {
	data, err := json.Marshal(key)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// place is the offset of a list that counts.
func (q *request) place() (int, error) {
	values := q.arguments("offset")
	if len(values) == 0 {
		return 0, nil
	}
	text, _ := values[0].(string)
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, invalidOffset(text, "not a number")
	}
	return int(n), nil
}

// filterTags reads ?tags=a,b (all of them) or ?tags=a/b (one of them). Several
// arguments mean one of them.
func (q *request) filterTags(query *store.Query) error {
	values := q.arguments("tags")
	for _, v := range values {
		text, ok := v.(string)
		switch {
		case !ok || !utf8.ValidString(text):
			return invalidTags("invalid filter syntax")
		case text == "":
			return invalidTags("cannot be null")
		case len(values) > 1:
			query.Tags, query.AnyTag = append(query.Tags, text), true
			continue
		}
		all, some := strings.Split(text, ","), strings.Split(text, "/")
		if len(all) > 1 && len(some) > 1 || all[0] == "" || some[0] == "" {
			return invalidTags("invalid filter syntax")
		}
		query.Tags = all
		if len(some) > 1 {
			query.Tags, query.AnyTag = some, true
		}
	}
	if len(query.Tags) > maxTags {
		return invalidTags("cannot query more than " + strconv.Itoa(maxTags) + " tags")
	}
	return nil
}
