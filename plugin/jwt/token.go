package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"gibbon/plugin"
)

// tokens returns the different tokens of a request: those of headers, the query and cookies.
func (s *settings) tokens(x *plugin.Exchange) []string {
	var tokens []string
	add := func(token []byte) {
		if t := string(token); t != "" && !slices.Contains(tokens, t) {
			tokens = append(tokens, t)
		}
	}
	for _, name := range s.Headers {
		add(bearer(x.Request.Get(name)))
	}
	if len(s.Params) > 0 {
		for name, value := range x.Request.EachArg {
			if slices.Contains(s.Params, string(name)) {
				add(value)
			}
		}
	}
	if len(s.Cookies) > 0 {
		for _, line := range x.Request.Values("Cookie") {
			for pair := range strings.SplitSeq(line, ";") {
				if name, value, _ := strings.Cut(strings.TrimSpace(pair), "="); slices.Contains(s.Cookies, name) {
					add([]byte(value))
				}
			}
		}
	}
	return tokens
}

// bearer returns what follows "Bearer". As with the reference, only its first letter may be of either case.
func bearer(value []byte) []byte {
	i := bytes.Index(value, []byte("earer"))
	if i < 1 || value[i-1]|0x20 != 'b' {
		return nil
	}
	rest := value[i+len("earer"):]
	token := bytes.TrimLeft(rest, " \t")
	if len(token) == len(rest) {
		return nil
	}
	return bytes.TrimRight(token, " \t")
}

// A token is a JSON Web Token (RFC 7519) in compact form.
type token struct {
	raw       string
	signed    string // header and claims as they were signed
	signature []byte
	header    map[string]any
	claims    map[string]any
	algorithm string
}

// parse returns the token, or what is wrong with it.
func parse(raw string) (t *token, reason string) {
	header, rest, _ := strings.Cut(raw, ".")
	claims, signature, ok := strings.Cut(rest, ".")
	t = &token{raw: raw, header: object(header), claims: object(claims)}
	if !ok || t.header == nil || t.claims == nil {
		return nil, "invalid JSON"
	}
	if typ, has := t.header["typ"]; has && typ != nil {
		if name, ok := typ.(string); !ok || !strings.EqualFold(name, "JWT") {
			return nil, "invalid typ"
		}
	}
	t.algorithm, _ = t.header["alg"].(string)
	if hash(t.algorithm) == 0 && t.algorithm != "EdDSA" {
		return nil, "invalid alg"
	}
	t.signed = raw[:len(header)+1+len(claims)]
	var err error
	if t.signature, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(signature, "=")); err != nil || len(t.signature) == 0 {
		return nil, "invalid signature"
	}
	return t, ""
}

func object(part string) map[string]any {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v map[string]any
	if d.Decode(&v) != nil || d.More() {
		return nil
	}
	return v
}

func (t *token) number(claim string) (float64, bool) {
	n, ok := t.claims[claim].(json.Number)
	if !ok {
		return 0, false
	}
	v, err := n.Float64()
	return v, err == nil
}

// hash is the digest of an algorithm, 0 when it is not known or has none.
func hash(algorithm string) crypto.Hash {
	switch algorithm {
	case "HS256", "RS256", "ES256", "PS256":
		return crypto.SHA256
	case "HS384", "RS384", "ES384", "PS384":
		return crypto.SHA384
	case "HS512", "RS512", "ES512", "PS512":
		return crypto.SHA512
	}
	return 0
}

func symmetric(algorithm string) bool { return strings.HasPrefix(algorithm, "HS") }

func decodeSecret(s string) []byte {
	s = strings.NewReplacer("-", "+", "_", "/", "\n", "").Replace(strings.TrimRight(s, "="))
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

func (t *token) verifyHMAC(secret []byte) bool {
	mac := hmac.New(hash(t.algorithm).New, secret)
	mac.Write([]byte(t.signed))
	return hmac.Equal(mac.Sum(nil), t.signature)
}

// verifyPublic verifies with a key of the kind that the algorithm is for; any other fails.
func (t *token) verifyPublic(key crypto.PublicKey) bool {
	h := hash(t.algorithm)
	var digest []byte
	if h != 0 {
		d := h.New()
		d.Write([]byte(t.signed))
		digest = d.Sum(nil)
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch t.algorithm[:2] {
		case "RS":
			return rsa.VerifyPKCS1v15(key, h, digest, t.signature) == nil
		case "PS":
			return rsa.VerifyPSS(key, h, digest, t.signature, nil) == nil
		}
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		fits := t.algorithm == "ES256" && size == 32 || t.algorithm == "ES384" && size == 48 || t.algorithm == "ES512" && size == 66
		if !fits || len(t.signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(t.signature[:size]), new(big.Int).SetBytes(t.signature[size:])
		return ecdsa.Verify(key, digest, r, s)
	case ed25519.PublicKey:
		return t.algorithm == "EdDSA" && ed25519.Verify(key, []byte(t.signed), t.signature)
	}
	return false
}
