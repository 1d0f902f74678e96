package entity

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gibbon/schema"
	"gibbon/test/pki"
)

const alice = `"consumer":{"id":"535f93f6-3e81-44e9-8952-fd7d3afcd3b5"}`

// quote writes a text for use in a JSON body.
func quote(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A refusalTest is a body for a kind and the error it gives, "" for none.
type refusalTest struct{ name, kind, body, want string }

func checkRefusals(t *testing.T, o Options, tests []refusalTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := refusal(t, o, tt.kind, tt.body); got != tt.want {
				t.Errorf("%s %s:\n got %s\nwant %s", tt.kind, tt.body, got, tt.want)
			}
		})
	}
}

func TestCredentialRules(t *testing.T) {
	public := quote(t, pki.PublicPEM(t, pki.NewEC(t)))
	const (
		condition = "2 schema violations (failed conditional validation given value of field 'algorithm'; rsa_public_key: "
		lifetime  = "invalid option (ttl: must be an integer between 0 and 100000000)"
	)
	checkRefusals(t, Options{}, []refusalTest{
		{"key without consumer", "keyauth_credentials", `{}`, "schema violation (consumer: required field missing)"},
		{"lifetime that is a text", "keyauth_credentials", `{"ttl":"x",` + alice + `}`, lifetime},
		{"lifetime with a fraction", "keyauth_credentials", `{"ttl":1.5,` + alice + `}`, lifetime},
		{"longest lifetime", "keyauth_credentials", `{"ttl":100000000,` + alice + `}`, ""},
		{"longer than that", "sessions", `{"ttl":100000001,"session_id":"s"}`, lifetime},
		{"lifetime before everything else", "keyauth_credentials", `{"ttl":-1,"bogus":1}`, lifetime},
		{"no lifetime where there is none", "acls", `{"ttl":1,"group":"g",` + alice + `}`, "schema violation (ttl: unknown field)"},
		{"HMAC needs no public key", "jwt_secrets", `{"algorithm":"HS512",` + alice + `}`, ""},
		{"nor does ECDSA", "jwt_secrets", `{"algorithm":"ES256",` + alice + `}`, ""},
		{"RSA needs one", "jwt_secrets", `{"algorithm":"PS384",` + alice + `}`, condition + "required field missing)"},
		{"that can be read", "jwt_secrets", `{"algorithm":"RS256","rsa_public_key":"x",` + alice + `}`, condition + "invalid key)"},
		{"EdDSA too", "jwt_secrets", `{"algorithm":"EdDSA","rsa_public_key":` + public + `,` + alice + `}`, ""},
		{"OAuth 2 without name", "oauth2_credentials", `{` + alice + `}`, "schema violation (name: required field missing)"},
		{
			"redirect without host", "oauth2_credentials", `{"name":"a","redirect_uris":["https:/x"],` + alice + `}`,
			"schema violation (redirect_uris.1: cannot parse 'https:/x')",
		},
		{
			"redirect with a fragment", "oauth2_credentials", `{"name":"a","redirect_uris":["https://a.test/","https://a.test/#f"],` + alice + `}`,
			"schema violation (redirect_uris.2: fragment not allowed in 'https://a.test/#f')",
		},
		{"type of client", "oauth2_credentials", `{"name":"a","client_type":"x",` + alice + `}`, "schema violation (client_type: expected one of: confidential, public)"},
		{"token", "oauth2_tokens", `{"expires_in":5,"credential":{"id":"535f93f6-3e81-44e9-8952-fd7d3afcd3b5"}}`, ""},
		{"token of nobody", "oauth2_tokens", `{}`, "2 schema violations (credential: required field missing; expires_in: required field missing)"},
		{"session", "sessions", `{}`, "schema violation (session_id: required field missing)"},
		{"consumer", "consumers", `{}`, "schema violation (at least one of these fields must be non-empty: 'custom_id', 'username')"},
	})
}

// derived decodes a body and has it stamped.
func derived(t *testing.T, e Entity, s schema.Stamp, body string) {
	t.Helper()
	var tree map[string]any
	decodeJSON(t, []byte(body), &tree)
	if err := schema.Decode(tree, e); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(e); err != nil {
		t.Fatal(err)
	}
}

func merged(t *testing.T, e Entity, s schema.Stamp, body string) {
	t.Helper()
	var tree map[string]any
	decodeJSON(t, []byte(body), &tree)
	if err := schema.Merge(tree, e); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(e); err != nil {
		t.Fatal(err)
	}
}

func TestPasswordsAreHashedOnce(t *testing.T) {
	stamp := newStamp()
	b := new(BasicAuthCredential)
	derived(t, b, stamp, `{"username":"au","password":"pw",`+alice+`}`)
	const hash = "9fa92b272c5656edb8f733340010d14ce5ea286e" // as recorded
	if b.Password != hash {
		t.Errorf("password %s, want %s", b.Password, hash)
	}
	merged(t, b, stamp, `{"username":"other"}`)
	if b.Password != hash {
		t.Error("a change of the name changed the password")
	}
	merged(t, b, stamp, `{"password":"new"}`)
	if b.Password != "1f057f88755d706868ce95970b6bba090ec3b84e" { // as recorded
		t.Errorf("new password %s", b.Password)
	}
	stamp.Derived = true
	derived(t, b, stamp, `{"username":"au","password":"`+hash+`",`+alice+`}`)
	if b.Password != hash {
		t.Error("a password out of an export was hashed again")
	}
}

func TestSecretsOfApplicationsAreHashedWhenAsked(t *testing.T) {
	o := new(OAuth2Credential)
	derived(t, o, newStamp(), `{"name":"a",`+alice+`}`)
	if len(o.ClientSecret) != 32 {
		t.Errorf("secret %q, want 32 characters", o.ClientSecret)
	}
	derived(t, o, newStamp(), `{"name":"a","client_secret":"s","hash_secret":true,`+alice+`}`)
	hash := o.ClientSecret
	if !strings.HasPrefix(hash, "$pbkdf2-sha512$i=10000,l=32$") {
		t.Errorf("secret %q, want a hash", hash)
	}
	merged(t, o, newStamp(), `{"name":"b"}`)
	if o.ClientSecret != hash {
		t.Error("a change of the name changed the secret")
	}
}

func TestSecretsAreMadeUp(t *testing.T) {
	for kind, body := range map[string]string{
		"keyauth_credentials": "{" + alice + "}", "hmacauth_credentials": `{"username":"u",` + alice + "}",
		"jwt_secrets": "{" + alice + "}", "oauth2_credentials": `{"name":"n","client_type":"public",` + alice + "}",
	} {
		e := NewKinds(Options{}).Of(kind).New()
		derived(t, e, newStamp(), body)
		for _, name := range slices.Sorted(maps.Keys(schema.Tree(e))) {
			v, _ := schema.Tree(e)[name].(string)
			if secret := slices.Contains([]string{"key", "secret", "client_id", "client_secret"}, name); secret && len(v) != 32 {
				t.Errorf("%s.%s is %q, want 32 characters", kind, name, v)
			}
		}
	}
}

func newStamp() schema.Stamp { return schema.Stamp{Now: time.Now, Random: rand.Reader} }

func TestLifetimes(t *testing.T) {
	k := new(KeyAuthCredential)
	derived(t, k, newStamp(), `{"ttl":60,`+alice+`}`)
	if ttl := schema.TTLOf(k); ttl == nil || *ttl != 60 {
		t.Errorf("ttl %v, want 60", ttl)
	}
	if doc := string(schema.Append(nil, k)); strings.Contains(doc, "ttl") {
		t.Errorf("the document %s holds the ttl", doc)
	}
	if answer := string(schema.Answer(nil, k)); !strings.Contains(answer, `"ttl":60`) {
		t.Errorf("the answer %s does not show the ttl", answer)
	}
	schema.SetTTL(k, nil)
	if answer := string(schema.Answer(nil, k)); !strings.Contains(answer, `"ttl":null`) {
		t.Errorf("the answer %s shows a ttl", answer)
	}
	err := schema.Decode(map[string]any{"ttl": "x"}, k)
	if option, ok := errors.AsType[schema.OptionError](err); !ok || option["ttl"] == "" {
		t.Errorf("error %v, want an OptionError", err)
	}
}
