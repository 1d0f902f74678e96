package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"gibbon/control/store"
	"gibbon/schema"
)

func (a *api) addTags() {
	a.routes.add("/tags", methods{http.MethodGet: a.listTags, http.MethodPost: a.refuseTags})
	a.routes.add("/tags/{tags}", methods{
		http.MethodGet: a.listTag, http.MethodPut: a.refuseTags, http.MethodPatch: a.refuseTags, http.MethodDelete: a.refuseTags,
	})
}

// refuseTags answers what would write a tag: tags are written with their entities.
func (a *api) refuseTags(*request) (*reply, error) {
	return nil, schema.InvalidError{"tags": "does not support insert/upsert/update/delete operations"}
}

func (a *api) listTags(q *request) (*reply, error) {
	return a.tagPage(q, "", q.carry("size"))
}

func (a *api) listTag(q *request) (*reply, error) {
	tag := q.params[0]
	if !validTag(tag) {
		return nil, invalidUnique("tag", fmt.Sprintf(
			"invalid tag '%s': expected printable ascii (except `,` and `/`) or valid utf-8 sequences", tag))
	}
	return a.tagPage(q, tag, "")
}

// validTag is the rule of the tags of entities, for the path that names one.
func validTag(tag string) bool {
	for _, c := range []byte(tag) {
		if c < ' ' || c == ',' || c == '/' || c == 0x7f {
			return false
		}
	}
	return utf8.ValidString(tag)
}

func (a *api) tagPage(q *request, tag, more string) (*reply, error) {
	size, err := q.size()
	if err != nil {
		return nil, err
	}
	if a.Declarative != nil {
		return noTags(q)
	}
	after, err := q.afterTag()
	if err != nil {
		return nil, err
	}
	page, err := a.store.Tags(q.Context(), store.TagQuery{Tag: tag, After: after, Size: size})
	if err != nil {
		return nil, err
	}
	l := listing{Data: make([]json.RawMessage, 0, len(page.Tags))}
	for _, t := range page.Tags {
		item, err := marshal(struct {
			Kind string `json:"entity_name"`
			ID   string `json:"entity_id"`
			Tag  string `json:"tag"`
		}{t.Kind, t.ID, t.Tag})
		if err != nil {
			return nil, err
		}
		l.Data = append(l.Data, item)
	}
	if page.More {
		last := page.Tags[len(page.Tags)-1]
		l.next(q.location(), encodeOffset(last.ID, last.Position, last.Kind), more)
	}
	return jsonReply(http.StatusOK, l)
}

// noTags answers without a database: the reference keeps no list of tags there,
// and says so after a first page of nothing.
func noTags(q *request) (*reply, error) {
	l := listing{Data: []json.RawMessage{}}
	if len(q.arguments("offset")) == 0 {
		l.next(q.location(), "key_sets|nil", "")
	}
	return jsonReply(http.StatusOK, l)
}

// afterTag reads an offset of tagPage: id, position and kind, of which all but
// the id may be missing.
func (q *request) afterTag() (after store.Tag, err error) {
	key, text, err := q.decodeOffset()
	if err != nil || key == nil {
		return store.Tag{}, err
	}
	ok := len(key) <= 3
	after.ID, _ = key[0].(string)
	if len(key) > 1 {
		n, isNumber := key[1].(json.Number)
		after.Position, err = strconv.Atoi(n.String())
		ok = ok && isNumber && err == nil
	} else {
		after.Position = int(^uint(0) >> 1)
	}
	if len(key) > 2 {
		after.Kind, _ = key[2].(string)
	}
	if !ok || !schema.IsUUID(after.ID) {
		return store.Tag{}, invalidOffset(text, "bad json encoding")
	}
	return after, nil
}
