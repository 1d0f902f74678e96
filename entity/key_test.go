package entity

import (
	"testing"

	"gibbon/test/pki"
)

func TestKeyRules(t *testing.T) {
	key, other := pki.NewEC(t), pki.NewEC(t)
	private := quote(t, pki.NewAuthority(t, key).Key)
	public, stranger := quote(t, pki.PublicPEM(t, key)), quote(t, pki.PublicPEM(t, other))
	inJWK := func(members string) string {
		return `{"kid":"1","jwk":` + quote(t, `{"kid":"1",`+members+`}`) + `}`
	}
	inPEM := func(members string) string { return `{"kid":"1","pem":{` + members + `}}` }
	const notLoaded = "schema violation (could not load JWK, likely not a valid key)"
	checkRefusals(t, Options{}, []refusalTest{
		// the public keys of RFC 7517, appendix A.1, shortened, and RFC 8037, appendix A.2
		{"RSA", "keys", inJWK(`"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4","e":"AQAB"`), ""},
		{"RSA without exponent", "keys", inJWK(`"kty":"RSA","n":"0vx7"`), notLoaded},
		{
			"EC", "keys",
			inJWK(`"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"`), "",
		},
		{"a point beside the curve", "keys", inJWK(`"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"`), notLoaded},
		{"no such curve", "keys", inJWK(`"kty":"EC","crv":"P-1","x":"AAAA","y":"AAAA"`), notLoaded},
		{"Ed25519", "keys", inJWK(`"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`), ""},
		{"too short", "keys", inJWK(`"kty":"OKP","crv":"Ed25519","x":"AAAA"`), notLoaded},
		{"symmetric", "keys", inJWK(`"kty":"oct","k":"AAAA"`), notLoaded},
		{"no base64", "keys", inJWK(`"kty":"RSA","n":"!","e":"AQAB"`), notLoaded},
		{"another kid", "keys", `{"kid":"2","jwk":"{\"kid\":\"1\"}"}`, "schema violation (kid in jwk.kid must be equal to keys.kid)"},
		{"no JSON", "keys", `{"kid":"1","jwk":"x"}`, "schema violation (could not json decode jwk string)"},
		{"in a vault", "keys", `{"kid":"1","jwk":"{vault://env/jwk}"}`, ""},
		{
			"both forms", "keys", `{"kid":"1","jwk":"{vault://env/j}","pem":{"public_key":` + public + `}}`,
			"schema violation (only one or none of these fields must be set: 'pem', 'jwk')",
		},
		{"neither", "keys", `{"kid":"1"}`, "schema violation (at least one of these fields must be non-empty: 'pem', 'jwk')"},

		{"public", "keys", inPEM(`"public_key":` + public), ""},
		{"private", "keys", inPEM(`"private_key":` + private), ""},
		{"a pair", "keys", inPEM(`"private_key":` + private + `,"public_key":` + public), ""},
		{"no pair", "keys", inPEM(`"private_key":` + private + `,"public_key":` + stranger), "schema violation (pem: public key does not match private key)"},
		{"not public", "keys", inPEM(`"public_key":"x"`), "schema violation (pem: could not load public key)"},
		{"not private", "keys", inPEM(`"private_key":` + public), "schema violation (pem: could not load private key)"},
		{"in two vaults", "keys", inPEM(`"private_key":"{vault://env/k}","public_key":"{vault://env/p}"`), ""},
		{"none", "keys", inPEM(``), "2 schema violations (at least one of these fields must be non-empty: 'pem', 'jwk'; " +
			"pem.@entity: {\n  \"at least one of these fields must be non-empty: 'private_key', 'public_key'\"\n})"},

		{"vault", "vaults", `{"name":"env","prefix":"my-env","config":{"prefix":"A_"}}`, ""},
		{"vault of no sort", "vaults", `{"prefix":"my-env"}`, "schema violation (name: required field missing)"},
		{"vault whose name is no text", "vaults", `{"name":5,"prefix":"my-env"}`, "schema violation (name: expected a string)"},
		{"bad settings", "vaults", `{"name":"env","prefix":"my-env","config":{"prefix":"1"}}`, "schema violation (config.prefix: invalid value: 1)"},
		{"short prefix", "vaults", `{"name":"env","prefix":"a"}`, "schema violation (prefix: invalid value: a)"},
	})
}
