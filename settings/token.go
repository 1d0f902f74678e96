package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// A Token is what a client of the Admin API proves its permission with.
type Token struct {
	Name string            // may be empty
	Hash [sha256.Size]byte // of the token
}

// tokens is a list of SHA-256 hashes in hexadecimal, each with or without a name before it.
func tokens(name string, v *[]Token) *property {
	return &property{name: name, kind: "array", set: func(text string) (any, error) {
		items := split(text)
		list := make([]Token, 0, len(items))
		for i, item := range items {
			title, digits, ok := strings.Cut(item, ":")
			if !ok {
				title, digits = "", item
			}
			var t Token
			hash, err := hex.DecodeString(strings.TrimSpace(digits))
			if err != nil || len(hash) != len(t.Hash) {
				return nil, fmt.Errorf("must hold SHA-256 hashes of 64 hexadecimal digits, as NAME:HASH or HASH; entry %d is none", i+1)
			}
			t.Name = strings.TrimSpace(title)
			copy(t.Hash[:], hash)
			list = append(list, t)
		}
		*v = list
		return shownList(items), nil
	}}
}
