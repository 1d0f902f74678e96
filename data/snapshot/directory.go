package snapshot

import (
	"slices"
	"time"

	"gibbon/entity"
	"gibbon/plugin"
)

// A Directory knows consumers and credentials. It never changes.
type Directory struct {
	consumers *table[*entity.Consumer] // by id
	usernames *table[*entity.Consumer]
	keys      *table[keyEntry]
	basics    *table[*entity.BasicAuthCredential] // by username
	hmacs     *table[*entity.HMACAuthCredential]  // by username
	jwts      *table[*entity.JWTSecret]           // by issuer
	groups    *table[[]string]                    // by consumer
}

var _ plugin.Directory = (*Directory)(nil)

type keyEntry struct {
	credential *entity.KeyAuthCredential
	expires    int64 // Unix seconds; 0 means never
}

func newDirectory() *Directory {
	return &Directory{
		consumers: newTable[*entity.Consumer](), usernames: newTable[*entity.Consumer](), keys: newTable[keyEntry](),
		basics: newTable[*entity.BasicAuthCredential](), hmacs: newTable[*entity.HMACAuthCredential](),
		jwts: newTable[*entity.JWTSecret](), groups: newTable[[]string](),
	}
}

// Consumer returns the consumer with an id, nil when there is none.
func (d *Directory) Consumer(id string) *entity.Consumer { return d.consumers.get(id) }

// ConsumerNamed returns the consumer with this id or else this username.
func (d *Directory) ConsumerNamed(name string) *entity.Consumer {
	if c := d.consumers.get(name); c != nil {
		return c
	}
	return d.usernames.get(name)
}

// KeyAuth returns the credential with a key, nil when there is none, or when it has expired.
func (d *Directory) KeyAuth(key []byte) *entity.KeyAuthCredential {
	e := d.keys.find(key)
	if e.expires != 0 && time.Now().Unix() >= e.expires {
		return nil
	}
	return e.credential
}

// BasicAuth returns the credential with a username.
func (d *Directory) BasicAuth(username []byte) *entity.BasicAuthCredential {
	return d.basics.find(username)
}

// HMACAuth returns the credential with a username.
func (d *Directory) HMACAuth(username []byte) *entity.HMACAuthCredential {
	return d.hmacs.find(username)
}

// JWT returns the secret with an issuer.
func (d *Directory) JWT(issuer []byte) *entity.JWTSecret { return d.jwts.find(issuer) }

// Groups returns the groups of a consumer, sorted.
func (d *Directory) Groups(consumerID string) []string { return d.groups.get(consumerID) }

// A directoryEdit is a directory that is being changed.
type directoryEdit struct {
	consumers edit[*entity.Consumer]
	usernames edit[*entity.Consumer]
	keys      edit[keyEntry]
	basics    edit[*entity.BasicAuthCredential]
	hmacs     edit[*entity.HMACAuthCredential]
	jwts      edit[*entity.JWTSecret]
	groups    edit[[]string]
}

func (d *Directory) edit() *directoryEdit {
	return &directoryEdit{
		consumers: edit[*entity.Consumer]{from: d.consumers},
		usernames: edit[*entity.Consumer]{from: d.usernames},
		keys:      edit[keyEntry]{from: d.keys},
		basics:    edit[*entity.BasicAuthCredential]{from: d.basics},
		hmacs:     edit[*entity.HMACAuthCredential]{from: d.hmacs},
		jwts:      edit[*entity.JWTSecret]{from: d.jwts},
		groups:    edit[[]string]{from: d.groups},
	}
}

func (e *directoryEdit) done() *Directory {
	return &Directory{
		consumers: e.consumers.done(), usernames: e.usernames.done(), keys: e.keys.done(),
		basics: e.basics.done(), hmacs: e.hmacs.done(), jwts: e.jwts.done(), groups: e.groups.done(),
	}
}

// identities are the entities in the directory as they were last, by kind and id. They tell
// what to take out of it when one changes.
type identities map[string]map[string]entity.Entity

// record takes one change into the directory, if it is about something in it.
func (e *directoryEdit) record(known identities, c Change) {
	switch c.Kind {
	case "consumers", "keyauth_credentials", "basicauth_credentials", "hmacauth_credentials", "jwt_secrets", "acls":
	default:
		return
	}
	if known[c.Kind] == nil {
		known[c.Kind] = map[string]entity.Entity{}
	}
	if old := known[c.Kind][c.ID]; old != nil {
		e.take(old)
		delete(known[c.Kind], c.ID)
	}
	if next, ok := c.Entity.(entity.Entity); ok {
		e.put(next, c.Expires)
		known[c.Kind][c.ID] = next
	}
}

// take removes an entity. Another one may have got its key in the same change before.
func (e *directoryEdit) take(old entity.Entity) {
	switch old := old.(type) {
	case *entity.Consumer:
		takeOne(&e.consumers, old.ID, old)
		takeOne(&e.usernames, old.Username, old)
	case *entity.KeyAuthCredential:
		if e.keys.get(old.APIKey).credential == old {
			e.keys.remove(old.APIKey)
		}
	case *entity.BasicAuthCredential:
		takeOne(&e.basics, old.Username, old)
	case *entity.HMACAuthCredential:
		takeOne(&e.hmacs, old.Username, old)
	case *entity.JWTSecret:
		takeOne(&e.jwts, old.Issuer, old)
	case *entity.ACL:
		groups := slices.Clone(e.groups.get(old.Consumer))
		if i, ok := slices.BinarySearch(groups, old.Group); ok {
			e.groups.set(old.Consumer, slices.Delete(groups, i, i+1))
		}
	}
}

func takeOne[V comparable](e *edit[V], key string, v V) {
	if e.get(key) == v {
		e.remove(key)
	}
}

func (e *directoryEdit) put(next entity.Entity, expires int64) {
	switch next := next.(type) {
	case *entity.Consumer:
		e.consumers.set(next.ID, next)
		if next.Username != "" {
			e.usernames.set(next.Username, next)
		}
	case *entity.KeyAuthCredential:
		e.keys.set(next.APIKey, keyEntry{next, expires})
	case *entity.BasicAuthCredential:
		e.basics.set(next.Username, next)
	case *entity.HMACAuthCredential:
		e.hmacs.set(next.Username, next)
	case *entity.JWTSecret:
		e.jwts.set(next.Issuer, next)
	case *entity.ACL:
		groups := slices.Clone(e.groups.get(next.Consumer))
		if i, ok := slices.BinarySearch(groups, next.Group); !ok {
			e.groups.set(next.Consumer, slices.Insert(groups, i, next.Group))
		}
	}
}
