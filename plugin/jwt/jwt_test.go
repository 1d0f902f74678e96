package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/plugin/plugintest"
)

const now = 1_700_000_000

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a token with the key that its algorithm needs: a secret, or a private key.
func sign(tb testing.TB, alg, claims string, key any) string {
	tb.Helper()
	signed := b64([]byte(`{"typ":"JWT","alg":"`+alg+`"}`)) + "." + b64([]byte(claims))
	h := hash(alg)
	var digest []byte
	if h != 0 {
		d := h.New()
		d.Write([]byte(signed))
		digest = d.Sum(nil)
	}
	var signature []byte
	var err error
	switch key := key.(type) {
	case string:
		mac := hmac.New(h.New, []byte(key))
		mac.Write([]byte(signed))
		signature = mac.Sum(nil)
	case *rsa.PrivateKey:
		if strings.HasPrefix(alg, "PS") {
			signature, err = rsa.SignPSS(rand.Reader, key, h, digest, nil)
		} else {
			signature, err = rsa.SignPKCS1v15(rand.Reader, key, h, digest)
		}
	case *ecdsa.PrivateKey:
		var r, s *big.Int
		r, s, err = ecdsa.Sign(rand.Reader, key, digest)
		size := (key.Curve.Params().BitSize + 7) / 8
		if err == nil {
			signature = append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(signed))
	}
	if err != nil {
		tb.Fatal(err)
	}
	return signed + "." + b64(signature)
}

func public(tb testing.TB, key crypto.Signer) string {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func directory(secrets ...*entity.JWTSecret) *plugintest.Directory {
	return &plugintest.Directory{
		Consumers: []*entity.Consumer{{ID: "c1", Username: "ann"}, {ID: "c2", Username: "guest"}},
		JWTs:      append(secrets, &entity.JWTSecret{ID: "j1", Consumer: "c1", Issuer: "me", Secret: "s3cret", Algorithm: "HS256"}),
	}
}

func run(tb testing.TB, config string, r plugintest.Request, d *plugintest.Directory) string {
	tb.Helper()
	state := plugin.NewState(slog.New(slog.DiscardHandler), func() time.Time { return time.Unix(now, 0) }, "node")
	s := plugintest.Start[plugin.Accessor](tb, &Plugin, config, state)
	x, _ := plugintest.New(r, d)
	if r := s.Access(x); r != nil {
		return fmt.Sprintf("%d %s | %s", r.Status, r.Body, r.Headers[0].Value)
	}
	if x.Consumer == nil {
		return "passes"
	}
	return fmt.Sprintf("%s as %s", x.Consumer.ID, x.Request.Get("X-Credential-Identifier"))
}

func authorization(token string) plugintest.Request {
	return plugintest.Request{Headers: []plugin.Field{{Name: "Authorization", Value: "Bearer " + token}}}
}

func TestAccess(t *testing.T) {
	good := sign(t, "HS256", `{"iss":"me"}`, "s3cret")
	claims := func(text string) plugintest.Request { return authorization(sign(t, "HS256", text, "s3cret")) }
	raw := func(header, claims string) plugintest.Request {
		return authorization(b64([]byte(header)) + "." + b64([]byte(claims)) + ".AAAA")
	}
	no := func(message string) string { return `401 {"message":"` + message + `"} | Bearer error="invalid_token"` }
	cookie := plugintest.Request{Headers: []plugin.Field{{Name: "Cookie", Value: "a=b; tok=" + good}}}
	twice := authorization(good)
	twice.Target = "/?jwt=" + sign(t, "HS256", `{"iss":"other"}`, "x")
	same := authorization(good)
	same.Target = "/?jwt=" + good
	tests := []struct {
		name, config string
		request      plugintest.Request
		want         string
	}{
		{"nothing", `{}`, plugintest.Request{}, `401 {"message":"Unauthorized"} | Bearer`},
		{"realm", `{"realm":"r"}`, plugintest.Request{}, `401 {"message":"Unauthorized"} | Bearer realm="r"`},
		{"another scheme", `{}`, plugintest.Request{Headers: []plugin.Field{{Name: "Authorization", Value: "Basic x"}}}, `401 {"message":"Unauthorized"} | Bearer`},
		{"header", `{}`, authorization(good), "c1 as me"},
		{"another header", `{"header_names":["x-token"]}`, plugintest.Request{Headers: []plugin.Field{{Name: "X-Token", Value: "bearer " + good}}}, "c1 as me"},
		{"query", `{}`, plugintest.Request{Target: "/?jwt=" + good}, "c1 as me"},
		{"another argument", `{"uri_param_names":["t"]}`, plugintest.Request{Target: "/?t=" + good}, "c1 as me"},
		{"cookie", `{"cookie_names":["tok"]}`, cookie, "c1 as me"},
		{"cookie not looked at", `{}`, cookie, `401 {"message":"Unauthorized"} | Bearer`},
		{"two", `{}`, twice, no("Multiple tokens provided")},
		{"the same twice", `{}`, same, "c1 as me"},
		{"no token at all", `{}`, authorization("x"), no("Bad token; invalid JSON")},
		{"broken claims", `{}`, raw(`{"alg":"HS256"}`, `{`), no("Bad token; invalid JSON")},
		{"typ", `{}`, raw(`{"alg":"HS256","typ":"JWE"}`, `{}`), no("Bad token; invalid typ")},
		{"alg none", `{}`, raw(`{"alg":"none"}`, `{"iss":"me"}`), no("Bad token; invalid alg")},
		{"alg None", `{}`, raw(`{"alg":"None"}`, `{"iss":"me"}`), no("Bad token; invalid alg")},
		{"no alg", `{}`, raw(`{}`, `{"iss":"me"}`), no("Bad token; invalid alg")},
		{"empty alg", `{}`, raw(`{"alg":""}`, `{"iss":"me"}`), no("Bad token; invalid alg")},
		{"alg that is a list", `{}`, raw(`{"alg":["HS256"]}`, `{"iss":"me"}`), no("Bad token; invalid alg")},
		{"alg in small letters", `{}`, raw(`{"alg":"hs256"}`, `{"iss":"me"}`), no("Bad token; invalid alg")},
		{"alg none without a signature", `{}`, authorization(b64([]byte(`{"alg":"none"}`)) + "." + b64([]byte(`{"iss":"me"}`)) + "."), no("Bad token; invalid alg")},
		{"signed with nothing", `{}`, authorization(sign(t, "HS256", `{"iss":"me"}`, "")), no("Invalid signature")},
		{"claims of another token", `{}`, authorization(otherClaims(good, `{"iss":"me","admin":true}`)), no("Invalid signature")},
		{"oversized", `{}`, claims(`{"iss":"` + strings.Repeat("me", 50_000) + `"}`), no("No credentials found for given 'iss'")},
		{"oversized argument", `{}`, plugintest.Request{Target: "/?jwt=" + strings.Repeat("a.", 50_000)}, no("Bad token; invalid JSON")},
		{"no signature", `{}`, authorization(good[:strings.LastIndexByte(good, '.')+1]), no("Bad token; invalid signature")},
		{"no issuer", `{}`, claims(`{}`), no("No mandatory 'iss' in claims")},
		{"empty issuer", `{}`, claims(`{"iss":""}`), no("Invalid 'iss' in claims")},
		{"a number", `{}`, claims(`{"iss":1}`), no("Invalid 'iss' in claims")},
		{"another claim", `{"key_claim_name":"kid"}`, claims(`{"kid":"me"}`), "c1 as me"},
		{"in the header", `{"key_claim_name":"typ"}`, claims(`{}`), no("No credentials found for given 'typ'")},
		{"unknown", `{}`, claims(`{"iss":"you"}`), no("No credentials found for given 'iss'")},
		{"another algorithm", `{}`, authorization(sign(t, "HS512", `{"iss":"me"}`, "s3cret")), no("Invalid algorithm")},
		{"wrong secret", `{}`, authorization(sign(t, "HS256", `{"iss":"me"}`, "secret")), no("Invalid signature")},
		{"base64", `{"secret_is_base64":true}`, authorization(sign(t, "HS256", `{"iss":"b"}`, "s3cret")), "c1 as b"},
		{"not base64", `{"secret_is_base64":true}`, authorization(sign(t, "HS256", `{"iss":"x"}`, "s3cret")), no("Invalid key/secret")},
		{"expired", `{"claims_to_verify":["exp"]}`, claims(`{"iss":"me","exp":1700000000}`), `401 {"exp":"token expired"} | Bearer error="invalid_token"`},
		{"not expired", `{"claims_to_verify":["exp"]}`, claims(`{"iss":"me","exp":1700000001}`), "c1 as me"},
		{"not verified", `{}`, claims(`{"iss":"me","exp":1}`), "c1 as me"},
		{"too early", `{"claims_to_verify":["nbf"]}`, claims(`{"iss":"me","nbf":1700000001}`), `401 {"nbf":"token not valid yet"} | Bearer error="invalid_token"`},
		{"missing, no number", `{"claims_to_verify":["exp","nbf"]}`, claims(`{"iss":"me","exp":"1"}`), `401 {"exp":"must be a number","nbf":"must be a number"} | Bearer error="invalid_token"`},
		{"too long", `{"claims_to_verify":["exp"],"maximum_expiration":60}`, claims(`{"iss":"me","exp":1700000061}`), `401 {"exp":"exceeds maximum allowed expiration"} | Bearer error="invalid_token"`},
		{"not too long", `{"claims_to_verify":["exp"],"maximum_expiration":60}`, claims(`{"iss":"me","exp":1700000060}`), "c1 as me"},
		{"consumer is gone", `{}`, claims(`{"iss":"gone"}`), no("Could not find consumer for 'iss=gone'")},
		{"preflight", `{"run_on_preflight":false}`, plugintest.Request{Method: "OPTIONS"}, "passes"},
		{"anonymous", `{"anonymous":"guest"}`, claims(`{"iss":"you"}`), "c2 as "},
	}
	d := directory(
		&entity.JWTSecret{ID: "j2", Consumer: "c1", Issuer: "b", Secret: base64.StdEncoding.EncodeToString([]byte("s3cret")), Algorithm: "HS256"},
		&entity.JWTSecret{ID: "j3", Consumer: "c1", Issuer: "x", Secret: "!", Algorithm: "HS256"},
		&entity.JWTSecret{ID: "j4", Consumer: "c9", Issuer: "gone", Secret: "s3cret", Algorithm: "HS256"},
	)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := run(t, tt.config, tt.request, d); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// otherClaims puts claims into a token that was not signed with them.
func otherClaims(token, claims string) string {
	parts := strings.Split(token, ".")
	parts[1] = b64([]byte(claims))
	return strings.Join(parts, ".")
}

func TestAlgorithms(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]any{
		"HS256": "s", "HS384": "s", "HS512": "s", "RS256": rsaKey, "RS384": rsaKey, "RS512": rsaKey,
		"PS256": rsaKey, "PS384": rsaKey, "PS512": rsaKey, "EdDSA": edKey,
	}
	for alg, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		if keys[alg], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	for alg, key := range keys {
		c := &entity.JWTSecret{ID: "j", Consumer: "c1", Issuer: "i", Algorithm: alg, Secret: "s"}
		if signer, ok := key.(crypto.Signer); ok {
			c.RSAPublicKey = public(t, signer)
		}
		token := sign(t, alg, `{"iss":"i"}`, key)
		d := directory(c)
		if got := run(t, `{}`, authorization(token), d); got != "c1 as i" {
			t.Errorf("%s: %s", alg, got)
		}
		forged := token[:len(token)-6] + "AAAAAA"
		if got := run(t, `{}`, authorization(forged), d); !strings.Contains(got, "Invalid signature") {
			t.Errorf("%s, forged: %s", alg, got)
		}
		// The public key is public: it must not do as a secret.
		if confused := sign(t, "HS256", `{"iss":"i"}`, c.RSAPublicKey); c.RSAPublicKey != "" {
			if got := run(t, `{}`, authorization(confused), d); !strings.Contains(got, "Invalid algorithm") {
				t.Errorf("%s, HMAC with the public key: %s", alg, got)
			}
		}
		for other, wrong := range keys {
			signer, ok := wrong.(crypto.Signer)
			if !ok || symmetric(alg) || fmt.Sprintf("%T", wrong) == fmt.Sprintf("%T", key) {
				continue
			}
			e := *c
			e.RSAPublicKey = public(t, signer)
			if got := run(t, `{}`, authorization(token), directory(&e)); !strings.Contains(got, "Invalid signature") {
				t.Errorf("%s with the key of %s: %s", alg, other, got)
			}
		}
	}
}

// What was verified with a credential is not taken from another one.
func TestCacheKnowsCredentials(t *testing.T) {
	c, a, b := newCache(), &entity.JWTSecret{}, &entity.JWTSecret{}
	c.remember("t", a)
	if !c.verified("t", a) || c.verified("t", b) || c.verified("u", a) {
		t.Error("tokens and credentials are mixed up")
	}
	for i := range maxCached + 1 {
		c.remember(strconv.Itoa(i), a)
	}
	if len(c.tokens) > maxCached {
		t.Errorf("%d tokens are remembered", len(c.tokens))
	}
}

func TestRefusedSettings(t *testing.T) {
	if _, err := plugintest.Decode(&Plugin, `{"maximum_expiration":5,"claims_to_verify":["nbf"]}`); err == nil || !strings.Contains(err.Error(), "config.maximum_expiration") {
		t.Errorf("maximum_expiration without exp: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sign(f, "HS256", `{"iss":"me"}`, "s"))
	f.Add("..")
	f.Fuzz(func(t *testing.T, raw string) {
		token, reason := parse(raw)
		if (token == nil) != (reason != "") {
			t.Fatalf("parse(%q) = %v, %q", raw, token, reason)
		}
		if token != nil && !strings.HasPrefix(raw, token.signed+".") {
			t.Errorf("signed part %q of %q", token.signed, raw)
		}
	})
}

func TestSchemaIsTheReferences(t *testing.T) { plugintest.CheckSchema(t, &Plugin) }
