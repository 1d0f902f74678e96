package balancer

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gibbon/entity"
)

// ordering is an upstream of two targets, the first of which gets states.
type ordering struct {
	t    *testing.T
	r    *Registry
	b    *Balancer
	list []*entity.Target
}

func newOrdering(t *testing.T, o Options, rules string) *ordering {
	t.Helper()
	o.Resolver = fakeNames{}
	r := NewRegistry(o)
	t.Cleanup(r.Close)
	list := targets(t, "10.0.0.1:80 10.0.0.2:80")
	return &ordering{t, r, r.Set(upstream(t, rules), list), list}
}

// order sets the state of the first target, now.
func (o *ordering) order(state string, timeout float64, rules string) {
	o.t.Helper()
	e := *o.list[0]
	e.State, e.DrainTimeout, e.UpdatedAt = state, timeout, float64(time.Now().UnixMilli())/1000
	o.list = []*entity.Target{&e, o.list[1]}
	o.r.Set(upstream(o.t, rules), o.list)
}

// share is how many of 10 requests go to the first target.
func (o *ordering) share() (n int) {
	o.t.Helper()
	for range 10 {
		a, err := o.b.Pick(new(Attempt))
		if err != nil {
			o.t.Fatal(err)
		}
		if a.Text == "10.0.0.1:80" {
			n++
		}
		a.Done()
	}
	return n
}

func (o *ordering) first() AddressHealth {
	o.t.Helper()
	return o.b.Health().Targets[0].Addresses[0]
}

func TestForcedHealth(t *testing.T) {
	for _, rules := range []string{"passive", ""} {
		t.Run("rules "+rules, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOrdering(t, Options{}, rules)
				expect := func(when, phase, cause string, share int) {
					t.Helper()
					synctest.Wait() // for the next picker
					a := o.first()
					if got := o.share(); a.Phase.String() != phase || a.Subject.Cause.Code != cause || got != share {
						t.Errorf("%s: %s because of %s, %d of 10; want %s, %s, %d", when, a.Phase, a.Subject.Cause.Code, got, phase, cause, share)
					}
				}
				o.order(entity.TargetUnhealthy, 0, rules)
				expect("forced down", "ejected", "order", 0)
				if got := o.first().Verdict; got != Unhealthy {
					t.Errorf("forced down it is %s", got)
				}
				address(t, o.b, "10.0.0.1:80").ReportStatus(200)
				expect("a good answer", "ejected", "order", 0)
				o.order(entity.TargetHealthy, 0, rules)
				expect("forced up", "healthy", "order", 5)
				address(t, o.b, "10.0.0.1:80").ReportFailure(0)
				expect("a failure", "healthy", "order", 5)
				o.order(entity.TargetActive, 0, rules)
				if rules == "" {
					expect("no order, no checks", "new", "new", 5)
					return
				}
				expect("no order: what checks said all the while", "ejected", "passive_connect", 0)
			})
		})
	}
}

// Who is forced down is not served even when health is disregarded.
func TestForcedDownInPanic(t *testing.T) {
	o := newOrdering(t, Options{}, "passive")
	u := upstream(t, "passive")
	u.PanicThreshold = 60
	o.list[0].State = entity.TargetUnhealthy
	o.r.Set(u, o.list)
	address(t, o.b, "10.0.0.2:80").ReportFailure(0)
	if got := o.share(); got != 0 || !o.b.Health().Panic {
		t.Errorf("%d of 10 requests, panic %v", got, o.b.Health().Panic)
	}
}

func TestOrdersAreInTheHistory(t *testing.T) {
	o := newOrdering(t, Options{}, "passive")
	o.order(entity.TargetDraining, 0, "passive")
	at := time.Unix(1764000000, 0)
	o.r.Ordered("u", o.list[0].ID, entity.TargetActive, entity.TargetDraining, "admin alice", at)
	if err := o.r.SetHealth("u", o.list[1].ID, "", false, "admin bob"); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"new>draining order admin alice", "new>ejected order admin bob"} {
		list, _ := o.r.History("u", o.list[i].ID)
		h := list[0].Transitions
		last := h[len(h)-1]
		if got := fmt.Sprintf("%s>%s %s %s", last.FromPhase, last.ToPhase, last.Cause.Code, last.Cause.Actor); got != want {
			t.Errorf("history ends with %s, want %s", got, want)
		}
	}
	if a := o.first(); a.Subject.Cause.Actor != "admin alice" || !a.Subject.Since.Equal(at) {
		t.Errorf("drains since %v because of %+v", a.Subject.Since, a.Subject.Cause)
	}
}

// TestDrainTakesItsTime goes through the steps of a drain with a time limit.
func TestDrainTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var ends []string
		tunnels := 3
		o := newOrdering(t, Options{
			EndAddress: func(a *Address, now bool) {
				ends = append(ends, fmt.Sprint(a.Text, " ", time.Since(begun), " ", now))
			},
			Tunnels: func(a *Address) int {
				if a.Text == "10.0.0.1:80" {
					return tunnels
				}
				return 0
			},
		}, "algorithm=sticky-sessions")
		session := func() string {
			a := new(Attempt)
			for {
				got, err := o.b.Pick(a)
				if err != nil {
					t.Fatal(err)
				}
				got.Done()
				if got.Text == "10.0.0.1:80" {
					return a.NewSession()
				}
				a.Reset()
			}
		}()
		o.order(entity.TargetDraining, 100, "algorithm=sticky-sessions")
		visit := func(n int) string {
			a := &Attempt{Session: fmt.Appendf(nil, "%s%08x", session, n)}
			got, err := o.b.Pick(a)
			if err != nil {
				t.Fatal(err)
			}
			got.Done()
			return got.Text
		}
		for n := range 1000 {
			if got := visit(n); got != "10.0.0.1:80" {
				t.Fatalf("a bound session goes to %s", got)
			}
		}
		if got := o.share(); got != 0 {
			t.Errorf("%d of 10 new clients come", got)
		}
		until := begun.Add(100 * time.Second)
		if d := o.first().Drain; d.Tunnels != 3 || d.Ended || !d.Until.Equal(until) || !d.Expected.Equal(until) || d.Sessions < 980 || d.Sessions > 1020 {
			t.Errorf("with tunnels %+v", d)
		}
		tunnels = 0
		if d := o.first().Drain; !d.Expected.Equal(begun.Add(90*time.Second)) || d.Ended {
			t.Errorf("with sessions %+v", d)
		}
		<-time.After(89 * time.Second)
		visit(5000)
		if d := o.first().Drain; d.Sessions < 981 || d.Sessions > 1021 {
			t.Errorf("a minute later %d sessions, want those of two generations", d.Sessions)
		}
		<-time.After(2 * time.Second)
		if got := visit(1); got == "10.0.0.1:80" {
			t.Error("after its time a session still comes")
		}
		if d := o.first().Drain; !d.Ended {
			t.Errorf("without anything %+v", d)
		}
		<-time.After(10 * time.Second)
		synctest.Wait()
		if got, want := fmt.Sprint(ends), "[10.0.0.1:80 1m38s false 10.0.0.1:80 1m40s true]"; got != want {
			t.Errorf("ends %s, want %s", got, want)
		}
		o.order(entity.TargetActive, 0, "algorithm=sticky-sessions")
		if o.first().Drain != nil {
			t.Error("it drains on")
		}
	})
}

// A drain whose time was up before the node started keeps no session.
func TestDrainThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrdering(t, Options{}, "")
		list := targets(t, "10.0.0.3:80")
		list[0].State, list[0].DrainTimeout, list[0].UpdatedAt = entity.TargetDraining, 10, float64(time.Now().Unix()-60)
		b := o.r.Set(upstream(t, "algorithm=sticky-sessions"), list)
		synctest.Wait()
		_, err := b.Pick(&Attempt{Session: []byte(address(t, b, "10.0.0.3:80").session)})
		if !errors.Is(err, ErrNoPeer) {
			t.Errorf("Pick = %v", err)
		}
	})
}
