package vault

import (
	"errors"
	"strings"
	"testing"

	"gibbon/entity"
	"gibbon/schema"
)

// newVaults returns vaults on an environment of its own, one of them configured
// with a prefix.
func newVaults(t *testing.T) *Vaults {
	t.Helper()
	env := map[string]string{
		"MY_SECRET": "s3cret", "ABC_KEY": "abc", "NODE_MY_SECRET": "node", "EMPTY": "",
		"JSON": `{"user":"u","port":5432,"none":null,"nested":{"a":1}}`, "BROKEN": `{"user":"hunter2`,
	}
	v := New(Options{Lookup: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}})
	e, ok := entity.NewKinds(entity.Options{}).Of("vaults").New().(*entity.Vault)
	if !ok {
		t.Fatal("vaults are not made of Vault")
	}
	body := map[string]any{"name": "env", "prefix": "my-env", "config": map[string]any{"prefix": "ABC_"}}
	if err := schema.Decode(body, e); err != nil {
		t.Fatal(err)
	}
	v.Set("1", e)
	return v
}

func TestGet(t *testing.T) {
	v := newVaults(t)
	tests := []struct {
		name, reference, want string
		err                   error
	}{
		{"a variable", "{vault://env/my-secret}", "s3cret", nil},
		{"its own spelling", "{vault://env/MY_SECRET}", "s3cret", nil},
		{"a configured prefix", "{vault://my-env/key}", "abc", nil},
		{"a prefix in the reference", "{vault://env/secret?prefix=my-}", "s3cret", nil},
		{"an empty value", "{vault://env/empty}", "", nil},
		{"a member", "{vault://env/json/user}", "u", nil},
		{"a member that is a number", "{vault://env/json/port}", "5432", nil},
		{"a member that is an object", "{vault://env/json/nested}", `{"a":1}`, nil},
		{"a member that is null", "{vault://env/json/none}", "", ErrNoValue},
		{"a member that is missing", "{vault://env/json/nope}", "", ErrNoValue},
		{"a member of no object", "{vault://env/my-secret/user}", "", ErrNoValue},
		{"no such variable", "{vault://env/nope}", "", ErrNoValue},
		{"no such vault", "{vault://hcv/x}", "", ErrNoVault},
		{"no reference", "my-secret", "", ErrNoReference},
		{"no resource", "{vault://env/}", "", ErrNoReference},
		{"deeper than a key", "{vault://env/a/b/c}", "", ErrNoReference},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := v.Get(tt.reference)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("Get(%s) = %q, %v, want %q, %v", tt.reference, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	_, err := newVaults(t).Get("{vault://env/broken/user}")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v, want one without the value", err)
	}
}

func TestSet(t *testing.T) {
	v := newVaults(t)
	v.Set("1", nil)
	if _, err := v.Get("{vault://my-env/key}"); !errors.Is(err, ErrNoVault) {
		t.Errorf("after the vault is gone: %v, want %v", err, ErrNoVault)
	}
	node := New(Options{EnvPrefix: "node_", Lookup: v.options.Lookup})
	if got, err := node.Value("{vault://env/my-secret}"); got != "node" || err != nil {
		t.Errorf("with vault_env_prefix: %q, %v, want node", got, err)
	}
	if got, err := node.Value("plain"); got != "plain" || err != nil {
		t.Errorf("Value of a text: %q, %v, want itself", got, err)
	}
}

// A reference that parses has its parts, and is one by the schema's rule.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"{vault://env/a}", "{vault://env/a/b?prefix=c}", "{vault:///a}", "{vault://env:80/a}", "{vault://u@env/a}",
		"{vault://env/a#b}", "{vault://env/%zz}", "{vault://env//}", "vault://env/a", "{vault://",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		if r.Vault == "" || r.Resource == "" || !schema.IsVaultReference(text) {
			t.Fatalf("Parse(%q) = %+v", text, r)
		}
	})
}
