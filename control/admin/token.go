package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// A Token lets whoever knows it use the Admin API. Only its hash is kept.
type Token struct {
	Name string // as revisions name who used it; may be empty
	Hash [sha256.Size]byte
}

var errNoToken = &messageError{http.StatusUnauthorized, "Invalid credentials. Token or User credentials required"}

// authenticate wants one of the tokens, if there are any, in the header
// Kong-Admin-Token or as a bearer token. It takes the same time whichever of
// them is compared, and however much of it is right.
func (a *api) authenticate(q *request) error {
	if len(a.Tokens) == 0 {
		return nil
	}
	text := q.Header.Get("Kong-Admin-Token")
	if scheme, credentials, ok := strings.Cut(q.Header.Get("Authorization"), " "); text == "" && ok && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(credentials)
	}
	hash := sha256.Sum256([]byte(text))
	found := -1
	for i, t := range a.Tokens {
		if subtle.ConstantTimeCompare(hash[:], t.Hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 || text == "" {
		return errNoToken
	}
	q.token = a.Tokens[found].Name
	return nil
}
