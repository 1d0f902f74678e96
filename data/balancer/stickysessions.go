package balancer

import (
	"crypto/sha256"
	"encoding/hex"
)

// stickySessions sends each client where its cookie says, and those without a
// cookie, or with one that leads nowhere, in turn. The cookie names the address,
// so nothing is stored, and all nodes understand it.
type stickySessions struct {
	fresh Picker
	bound map[string]*Address
}

func newStickySessions(c Candidates) Picker {
	p := &stickySessions{newRoundRobin(c), make(map[string]*Address, len(c.Entries)+len(c.Bound))}
	for _, e := range c.Entries {
		p.bound[e.Address.sessionName()] = e.Address
	}
	for _, a := range c.Bound {
		p.bound[a.sessionName()] = a
	}
	return p
}

// Pick keeps a session where it is as long as that address is up.
func (p *stickySessions) Pick(a *Attempt) *Address {
	if len(a.Session) > 0 {
		if t := p.bound[string(a.Session)]; t != nil && claim(t, a) {
			a.bind = ""
			return t
		}
	}
	t := p.fresh.Pick(a)
	if t != nil {
		a.bind = t.session
	}
	return t
}

// sessionName returns what cookies call the address: not the address itself, which
// is none of a client's business, but a hash of it and the id of its target. It
// is called under the balancer's mu.
func (a *Address) sessionName() string {
	if a.session == "" {
		sum := sha256.Sum256([]byte(a.target.id + " " + a.Text))
		a.session = hex.EncodeToString(sum[:12])
	}
	return a.session
}
