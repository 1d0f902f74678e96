package declarative

import (
	"context"
	"crypto/md5" //nolint:gosec // the hash that clients of the reference know; nothing rests on it
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"gibbon/control/store"
)

// EmptyHash is the hash of a node that was given no configuration yet.
var EmptyHash = strings.Repeat("0", 32) //nolint:gochecknoglobals // a constant text

var (
	// ErrBusy says that another configuration is being loaded.
	ErrBusy = errors.New("another configuration is being loaded")
	// ErrTooLarge says that a configuration exceeds Node.Limit.
	ErrTooLarge = errors.New("the configuration is too large")
)

// A Replacer is a store whose rows can be exchanged as a whole.
type Replacer interface {
	store.Store
	ReplaceAll(ctx context.Context, actor string, puts []store.Put) (store.Revision, error)
}

// A Node is a gateway whose configuration is given as a whole, and not kept
// anywhere else.
type Node struct {
	Loader

	Store Replacer
	Limit int64 // bytes of all documents; 0 means any

	loading sync.Mutex // held while a configuration is loaded
	hash    atomic.Pointer[string]
}

// Hash is the hash of the configuration, EmptyHash before there is one.
func (n *Node) Hash() string {
	if hash := n.hash.Load(); hash != nil {
		return *hash
	}
	return EmptyHash
}

// Replace makes the entities of a file the whole configuration, in one step. When
// it returns an error nothing has changed. The hash may be empty: then it is that
// of the tree.
func (n *Node) Replace(ctx context.Context, actor string, tree map[string]any, hash string) (*Config, error) {
	if !n.loading.TryLock() {
		return nil, ErrBusy
	}
	defer n.loading.Unlock()
	if hash == "" {
		text, err := json.Marshal(tree) // keys are sorted
		if err != nil {
			return nil, fmt.Errorf("hash the configuration: %w", err)
		}
		sum := md5.Sum(text) //nolint:gosec // see above
		hash = hex.EncodeToString(sum[:])
	}
	l := n.Loader
	l.Existing = Stored(ctx, n.Store)
	c, err := l.Load(tree)
	if err != nil {
		return nil, err
	}
	puts := c.Puts(l.Now().Unix())
	if n.Limit > 0 {
		size := int64(0)
		for _, p := range puts {
			size += int64(len(p.Doc))
		}
		if size > n.Limit {
			return nil, ErrTooLarge
		}
	}
	if _, err := n.Store.ReplaceAll(ctx, actor, puts); err != nil {
		return nil, err
	}
	n.hash.Store(&hash)
	return c, nil
}

// Stored finds the rows of a store.
func Stored(ctx context.Context, from store.Reader) Finder { return finder{ctx, from} }

type finder struct {
	ctx  context.Context //nolint:containedctx // of the one call that makes the finder
	from store.Reader
}

// Get returns the row with an id.
func (f finder) Get(kind, id string) (store.Row, error) { return f.from.Get(f.ctx, kind, id) }

// Find returns the row with a unique value.
func (f finder) Find(kind, key, value string) (store.Row, error) {
	return f.from.Find(f.ctx, kind, key, value)
}
