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
	bound []session // a hash table: a session is at its hash or in one of the places behind, one without an address ends the search
}

// A session is what cookies call an address.
type session struct {
	name    [sessionBytes]byte
	address *Address
}

func newStickySessions(c Candidates) Picker {
	size := 2 << bits.Len(uint(len(c.Entries)+len(c.Bound)))
	p := &stickySessions{newRoundRobin(c), make([]session, size)}
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
	name, _ := parseSession([]byte(a.session))
	i := p.hash(&name)
	for p.bound[i].address != nil {
		i = (i + 1) & uint64(len(p.bound)-1)
	}
	p.bound[i] = session{name, a}
}

// find returns the address that a cookie names, or nil.
func (p *stickySessions) find(cookie []byte) *Address {
	name, ok := parseSession(cookie)
	if !ok {
		return nil
	}
	for i := p.hash(&name); p.bound[i].address != nil; i = (i + 1) & uint64(len(p.bound)-1) {
		if s := &p.bound[i]; s.name == name {
			return s.address
		}
	}
	return nil
}

// hash returns where in the table a name begins to be looked for.
func (p *stickySessions) hash(name *[sessionBytes]byte) uint64 {
	return binary.LittleEndian.Uint64(name[:]) & uint64(len(p.bound)-1)
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

// parseSession returns what a cookie says, if it is one of ours. Their digits are in
// lower case.
func parseSession(cookie []byte) (name [sessionBytes]byte, ok bool) {
	if len(cookie) != 2*sessionBytes && len(cookie) != 2*sessionBytes+SessionTail {
		return name, false
	}
	for i := range name {
		high, low := digits[cookie[2*i]], digits[cookie[2*i+1]]
		if high|low > 0xf {
			return name, false
		}
		name[i] = high<<4 | low
	}
	return name, true
}

// digits are the values of hexadecimal digits, 0xff of what is none.
var digits = func() (values [256]byte) {
	for c := range values {
		values[c] = 0xff
	}
	for value, c := range []byte("0123456789abcdef") {
		values[c] = byte(value)
	}
	return values
}()

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
