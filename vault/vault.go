// Package vault finds the secrets that references such as
// {vault://env/my-secret} stand for. Both planes use it: a node resolves a
// reference where the value is needed, and nothing but the reference is stored,
// shown or logged.
package vault

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"strings"
	"sync/atomic"

	"gibbon/entity"
	"gibbon/schema"
)

var (
	// ErrNoReference says that a text is not of the form
	// {vault://vault/resource/key?options}.
	ErrNoReference = errors.New("not a reference to a vault")
	// ErrNoVault says that there is no vault with the prefix that is named.
	ErrNoVault = errors.New("no such vault")
	// ErrNoValue says that the vault does not hold what is asked for.
	ErrNoValue = errors.New("no value found")
)

// A Reference is the parts of a reference.
type Reference struct {
	Vault    string // the prefix of a vault entity, or the name of a sort of vault
	Resource string // what is asked for
	Key      string // a member of it, when the resource is a JSON object; may be empty
	Options  url.Values
}

// Parse takes a reference apart.
func Parse(text string) (Reference, error) {
	if !schema.IsVaultReference(text) {
		return Reference{}, ErrNoReference
	}
	u, err := url.Parse(text[1 : len(text)-1])
	if err != nil || u.User != nil || u.Fragment != "" || u.Port() != "" {
		return Reference{}, ErrNoReference
	}
	r := Reference{Vault: u.Host, Options: u.Query()}
	r.Resource, r.Key, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if r.Vault == "" || r.Resource == "" || strings.Contains(r.Key, "/") {
		return Reference{}, ErrNoReference
	}
	return r, nil
}

// Options say where secrets come from. The zero value is the environment of the
// process.
type Options struct {
	// Lookup finds an environment variable; nil stands for os.LookupEnv.
	Lookup func(name string) (string, bool)
	// EnvPrefix is what the names of variables begin with in the vault "env":
	// the setting vault_env_prefix.
	EnvPrefix string
}

// Vaults are the vaults of a node. Methods may be called from many goroutines.
type Vaults struct {
	options  Options
	entities atomic.Pointer[map[string]*entity.Vault] // by id; never changed
}

// New returns the vaults that need no configuration: "env".
func New(o Options) *Vaults {
	if o.Lookup == nil {
		o.Lookup = os.LookupEnv
	}
	v := &Vaults{options: o}
	v.entities.Store(&map[string]*entity.Vault{})
	return v
}

// Set makes a vault entity known by its id, or forgets it when e is nil. Calls
// must not overlap.
func (v *Vaults) Set(id string, e *entity.Vault) {
	next := maps.Clone(*v.entities.Load())
	if e == nil {
		delete(next, id)
	} else {
		next[id] = e
	}
	v.entities.Store(&next)
}

// Get returns the value that a reference stands for. Errors name the reference
// and never a value.
func (v *Vaults) Get(reference string) (string, error) {
	r, err := Parse(reference)
	if err != nil {
		return "", err
	}
	value, err := v.find(r)
	if err != nil {
		return "", fmt.Errorf("%s: %w", reference, err)
	}
	return value, nil
}

// Value is text, or what it stands for when it is a reference.
func (v *Vaults) Value(text string) (string, error) {
	if !schema.IsVaultReference(text) {
		return text, nil
	}
	return v.Get(text)
}

func (v *Vaults) find(r Reference) (string, error) {
	prefix, err := v.prefixOf(r.Vault)
	if err != nil {
		return "", err
	}
	if given := r.Options.Get("prefix"); given != "" {
		prefix = given
	}
	value, ok := v.options.Lookup(variable(prefix + r.Resource))
	if !ok || r.Key == "" {
		if !ok {
			return "", ErrNoValue
		}
		return value, nil
	}
	return member(value, r.Key)
}

// prefixOf is the prefix of the variables in a vault.
func (v *Vaults) prefixOf(vault string) (string, error) {
	if vault == entity.EnvVaultName {
		return v.options.EnvPrefix, nil
	}
	for _, e := range *v.entities.Load() {
		if e.Prefix != vault {
			continue
		}
		if env, ok := e.Config().(*entity.EnvVault); ok {
			return env.Prefix, nil
		}
	}
	return "", ErrNoVault
}

// variable is how an environment variable is called: my-secret is in MY_SECRET.
func variable(name string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// member is one member of a JSON object. The text of a member that is no string
// is its JSON.
func member(object, key string) (string, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &members) != nil {
		return "", ErrNoValue // the error would show a part of the secret
	}
	raw, ok := members[key]
	if !ok || string(raw) == "null" {
		return "", ErrNoValue
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	return string(raw), nil
}
