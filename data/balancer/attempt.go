package balancer

import "github.com/OneOfOne/xxhash"

// An Attempt carries what the picks for one request need to know of it. The
// zero value is ready; [Attempt.Reset] makes one fit for the next request.
type Attempt struct {
	// Hash is the key for consistent hashing: [Hash] of the hash input, and
	// Hash("") when there is none.
	Hash uint32

	n     int // picks so far
	tried [8]*Address
	more  []*Address // tried beyond the array
}

// Hash returns the key of a hash input.
func Hash(input string) uint32 { return xxhash.ChecksumString32(input) }

// HashBytes is [Hash] for bytes.
func HashBytes(input []byte) uint32 { return xxhash.Checksum32(input) }

// Reset forgets the request.
func (a *Attempt) Reset() {
	clear(a.tried[:min(a.n, len(a.tried))])
	clear(a.more)
	a.more = a.more[:0]
	a.n, a.Hash = 0, 0
}

// Tries returns how many addresses were picked for the request.
func (a *Attempt) Tries() int { return a.n }
