package balancer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// stickySessions sends each client where its cookie says, and those without a
// cookie, or with one that leads nowhere, in turn. The cookie names the address,
// so nothing is stored, and all nodes understand it; what follows there tells the
// sessions apart, for them to be counted.
type stickySessions struct {
	fresh Picker
	bound []*Address // a hash table: an address is at its hash or in one of the places behind, nil ends the search
}

func newStickySessions(c Candidates) Picker {
	size := 2 << bits.Len(uint(len(c.Entries)+len(c.Bound)))
	p := &stickySessions{newRoundRobin(c), make([]*Address, size)}
	for _, e := range c.Entries {
		p.put(e.Address)
	}
	for _, a := range c.Bound {
		p.put(a)
	}
	return p
}

// put is called under the balancer's mu.
func (p *stickySessions) put(a *Address) {
	a.nameSession()
	hash, _ := sessionHash([]byte(a.session))
	i := hash & uint64(len(p.bound)-1)
	for p.bound[i] != nil {
		i = (i + 1) & uint64(len(p.bound)-1)
	}
	p.bound[i] = a
}

// find returns the address that a cookie names, or nil.
func (p *stickySessions) find(cookie []byte) *Address {
	hash, ok := sessionHash(cookie)
	if !ok {
		return nil
	}
	for i := hash & uint64(len(p.bound)-1); p.bound[i] != nil; i = (i + 1) & uint64(len(p.bound)-1) {
		if p.bound[i].session == string(cookie[:2*sessionBytes]) {
			return p.bound[i]
		}
	}
	return nil
}

// Pick keeps a session where it is as long as that address is up.
func (p *stickySessions) Pick(a *Attempt) *Address {
	if len(a.Session) > 0 {
		if t := p.find(a.Session); t != nil && claim(t, a) {
			a.bind = ""
			if k := t.sessions.Load(); k != nil {
				k.mark(a.Session)
			}
			return t
		}
	}
	t := p.fresh.Pick(a)
	if t != nil {
		a.bind = t.session
	}
	return t
}

// sessionHash returns the beginning of what a cookie says, if it is one of ours.
func sessionHash(cookie []byte) (uint64, bool) {
	var name [sessionBytes]byte
	if len(cookie) != 2*sessionBytes && len(cookie) != 2*sessionBytes+SessionTail {
		return 0, false
	}
	_, err := hex.Decode(name[:], cookie[:2*sessionBytes])
	return binary.LittleEndian.Uint64(name[:]), err == nil
}

// SessionTail is the length of what may follow in a cookie on what [Attempt.NewSession]
// returned: it tells the sessions at an address apart.
const SessionTail = 8

// sessionBytes is how much of a hash names an address.
const sessionBytes = 12

// nameSession makes what cookies call the address: not the address itself, which
// is none of a client's business, but a hash of it and the id of its target. It
// is called under the balancer's mu.
func (a *Address) nameSession() {
	if a.session == "" {
		sum := sha256.Sum256([]byte(a.target.id + " " + a.Text))
		a.session = hex.EncodeToString(sum[:sessionBytes])
	}
}
