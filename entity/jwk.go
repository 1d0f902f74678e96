package entity

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
)

var errJWK = errors.New("could not load JWK, likely not a valid key")

// A jwk is the members of a JSON Web Key that make up its key (RFC 7518, section
// 6, and RFC 8037, section 2).
type jwk struct {
	KID                 string `json:"kid"`
	KTY                 string `json:"kty"`
	CRV                 string `json:"crv"`
	N, E                string // RSA, public
	X, Y                string // elliptic curves, public
	D, P, Q, DP, DQ, QI string // private
}

// checkJWK wants a key with two halves, the public one at least, and the kid
// that its entity says.
func checkJWK(text, kid string) error {
	var k jwk
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return errors.New("could not json decode jwk string")
	}
	if k.KID != kid {
		return errors.New("kid in jwk.kid must be equal to keys.kid")
	}
	for _, member := range []string{k.N, k.E, k.X, k.Y, k.D, k.P, k.Q, k.DP, k.DQ, k.QI} {
		if _, err := base64.RawURLEncoding.DecodeString(member); err != nil {
			return errJWK
		}
	}
	var ok bool
	switch k.KTY {
	case "RSA":
		ok = k.N != "" && k.E != ""
	case "EC":
		ok = k.onCurve()
	case "OKP":
		ok = k.hasLength()
	}
	if !ok {
		return errJWK
	}
	return nil
}

// onCurve tells whether the point of an EC key is on its curve.
func (k *jwk) onCurve() bool {
	curve := map[string]ecdh.Curve{"P-256": ecdh.P256(), "P-384": ecdh.P384(), "P-521": ecdh.P521()}[k.CRV]
	if curve == nil {
		return false
	}
	x, _ := base64.RawURLEncoding.DecodeString(k.X) // checked before
	y, _ := base64.RawURLEncoding.DecodeString(k.Y)
	if len(x) != len(y) {
		return false
	}
	_, err := curve.NewPublicKey(append(append([]byte{4}, x...), y...)) // uncompressed, SEC 1, section 2.3.3
	return err == nil
}

// hasLength tells whether an octet key pair is as long as its curve says.
func (k *jwk) hasLength() bool {
	n := map[string]int{"Ed25519": 32, "X25519": 32, "Ed448": 57, "X448": 56}[k.CRV]
	return n > 0 && base64.RawURLEncoding.DecodedLen(len(k.X)) == n
}
