package main

import (
	"math"
	"slices"
	"time"

	"gibbon/control/events"
	"gibbon/data/certs"
	"gibbon/data/snapshot"
)

// expiryEvery is how often certificates are looked at, beside after their changes.
const expiryEvery = time.Hour

// warnAt are the days before the end of a certificate at which that is told.
var warnAt = []int{1, 3, 7, 14, 30}

// An expiryWatch tells of certificates that run out.
type expiryWatch struct {
	leaves func() []certs.Leaf
	bus    *events.Bus
	told   map[expiring]int // the bound that was told: one of warnAt, or 0 when it has expired
	kick   chan struct{}
	stop   chan struct{}
	ended  chan struct{}
}

// An expiring certificate; of an entity or of the settings, by its subject.
type expiring struct{ kind, id, subject string }

// watchExpiry begins to watch; close ends that.
func watchExpiry(leaves func() []certs.Leaf, bus *events.Bus) *expiryWatch {
	w := &expiryWatch{
		leaves: leaves, bus: bus, told: map[expiring]int{},
		kick: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go func() {
		defer close(w.ended)
		ticker := time.NewTicker(expiryEvery)
		defer ticker.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-w.kick:
			case <-ticker.C:
			}
			w.look(time.Now())
		}
	}()
	return w
}

func (w *expiryWatch) close() {
	close(w.stop)
	<-w.ended
}

// changed has the certificates looked at when they are among the changes.
func (w *expiryWatch) changed(changes []snapshot.Change) {
	if !slices.ContainsFunc(changes, func(c snapshot.Change) bool {
		return c.Kind == "certificates" || c.Kind == "ca_certificates" || c.Kind == "vaults"
	}) {
		return
	}
	w.again()
}

func (w *expiryWatch) again() {
	select {
	case w.kick <- struct{}{}:
	default: // it is going to look
	}
}

// look tells of each certificate that has come under another bound.
func (w *expiryWatch) look(now time.Time) {
	seen := map[expiring]bool{}
	for _, leaf := range w.leaves() {
		c := leaf.Certificate
		key := expiring{leaf.Kind, leaf.ID, c.Subject.String()}
		seen[key] = true
		days := int(math.Floor(c.NotAfter.Sub(now).Hours() / 24))
		bound, near := boundOf(c.NotAfter.Sub(now))
		before, told := w.told[key]
		state := "expires_soon"
		switch {
		case near == told && bound == before:
			continue
		case !near:
			delete(w.told, key)
			state = "valid"
		default:
			w.told[key] = bound
			if bound == 0 {
				state = "expired"
			}
		}
		w.bus.Publish(&events.Event{Topic: events.Certificates, Type: "certificate", Payload: events.Certificate{
			Time: unixSeconds(now), Kind: leaf.Kind, ID: leaf.ID, Subject: c.Subject.String(),
			Names: append([]string{}, c.DNSNames...), Expires: unixSeconds(c.NotAfter), Days: days, State: state,
		}})
	}
	for key := range w.told {
		if !seen[key] {
			delete(w.told, key)
		}
	}
}

// boundOf is the bound that a certificate with so much time left is under, if any.
func boundOf(left time.Duration) (days int, near bool) {
	if left <= 0 {
		return 0, true
	}
	for _, days := range warnAt {
		if left <= time.Duration(days)*24*time.Hour {
			return days, true
		}
	}
	return 0, false
}
