package jwt

import (
	"crypto"
	"sync"

	"gibbon/entity"
)

// maxCached is how many tokens and how many keys are remembered. When there are more, all
// are forgotten.
const maxCached = 4096

// A cache remembers tokens whose signatures were verified, and public keys. A credential that
// changes is another one.
type cache struct {
	mu     sync.RWMutex // guards tokens, keys
	tokens map[string]*entity.JWTSecret
	keys   map[*entity.JWTSecret]crypto.PublicKey
}

func newCache() *cache {
	return &cache{tokens: map[string]*entity.JWTSecret{}, keys: map[*entity.JWTSecret]crypto.PublicKey{}}
}

func (c *cache) verified(token string, with *entity.JWTSecret) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.tokens[token] == with
}

func (c *cache) remember(token string, with *entity.JWTSecret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.tokens) >= maxCached {
		clear(c.tokens)
	}
	c.tokens[token] = with
}

// key returns the public key of a credential, nil when it has none.
func (c *cache) key(of *entity.JWTSecret) crypto.PublicKey {
	c.mu.RLock()
	key, known := c.keys[of]
	c.mu.RUnlock()
	if known {
		return key
	}
	key, err := of.PublicKey()
	if err != nil {
		key = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.keys) >= maxCached {
		clear(c.keys)
	}
	c.keys[of] = key
	return key
}
