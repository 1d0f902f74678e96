package balancer

import (
	"slices"

	"github.com/OneOfOne/xxhash"
)

// An Attempt carries what the picks for one request need to know of it, above
// all which addresses were tried. The zero value is ready; [Attempt.Reset] makes
// one fit for the next request.
type Attempt struct {
	// Hash is the key for consistent hashing: [Hash] of the hash input, and
	// Hash("") when there is none.
	Hash uint32

	// Session is the value of the session's cookie as the client sent it, for
	// sticky-sessions; it may be what it likes.
	Session []byte

	n       int    // tries
	turn    uint64 // of the last pick in its tier, for Decision.Made
	bind    string // see NewSession
	tried   []*Address
	array   [8]*Address // holds the first of tried, so that they need no memory
	pending *Address    // picked, but its name is not resolved
}

// Hash returns the key of a hash input.
func Hash(input string) uint32 { return xxhash.ChecksumString32(input) }

// HashBytes is [Hash] for bytes.
func HashBytes(input []byte) uint32 { return xxhash.Checksum32(input) }

// Reset forgets the request, but keeps the memory.
func (a *Attempt) Reset() {
	clear(a.tried)
	a.tried, a.pending = a.tried[:0], nil
	a.n, a.turn, a.Hash, a.Session, a.bind = 0, 0, 0, nil, ""
}

// NewSession returns the value that the client's session cookie shall get, with
// [SessionTail] characters behind it that tell it from other sessions, or "" when the one it sent is right: it names the address picked last.
func (a *Attempt) NewSession() string { return a.bind }

// Tries returns how many addresses were picked for the request.
func (a *Attempt) Tries() int { return a.n }

func (a *Attempt) add(t *Address) {
	if a.tried == nil {
		a.tried = a.array[:0]
	}
	a.tried = append(a.tried, t)
	a.n++
}

func (a *Attempt) has(t *Address) bool {
	return len(a.tried) != 0 && slices.Contains(a.tried, t)
}

// forgetTried makes all addresses eligible again.
func (a *Attempt) forgetTried() {
	clear(a.tried)
	a.tried = a.tried[:0]
}

// startOver makes all addresses eligible again but the last one.
func (a *Attempt) startOver() {
	last := len(a.tried) - 1
	a.tried[0] = a.tried[last]
	clear(a.tried[1:])
	a.tried = a.tried[:1]
}
