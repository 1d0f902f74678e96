package balancer

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	"gibbon/data/health"
	"gibbon/entity"
)

// TestTargetDiesAndHeals runs over real sockets: of two servers, one goes away
// and comes back, and only active probes tell.
func TestTargetDiesAndHeals(t *testing.T) {
	serve := func(address string) (*http.Server, string) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.NotFoundHandler()}
		go s.Serve(l)
		return s, l.Addr().String()
	}
	first, a := serve("127.0.0.1:0")
	second, c := serve("127.0.0.1:0")
	defer second.Close()

	changes := make(chan health.Change, 10)
	r := NewRegistry(Options{Resolver: fakeNames{}, OnChange: func(c health.Change) { changes <- c }})
	defer r.Close()
	u := upstream(t, "")
	u.Healthchecks.Active = entity.ActiveChecks{
		Type: "http", HTTPPath: "/", Timeout: new(1.0), Concurrency: new(int64(10)),
		Healthy:   entity.ActiveHealthy{Interval: new(0.02), HTTPStatuses: []int{404}, Successes: new(2)},
		Unhealthy: entity.ActiveUnhealthy{Interval: new(0.02), TCPFailures: new(2)},
	}
	b := r.Set(u, targets(t, a+" "+c))
	share := func() string {
		counts := make(map[string]int)
		for range 100 {
			addr, err := b.Pick(new(Attempt))
			if err != nil {
				t.Fatal(err)
			}
			counts[addr.Text]++
			addr.Done()
		}
		return fmt.Sprint(counts[a], ":", counts[c])
	}
	if got := share(); got != "50:50" {
		t.Errorf("share of two %s", got)
	}
	first.Close()
	if change := <-changes; change.To != health.Unhealthy || change.Cause.Code != health.CauseProbeConnect {
		t.Errorf("change %+v", change)
	}
	if got := share(); got != "0:100" {
		t.Errorf("share with one dead %s", got)
	}
	first, _ = serve(a)
	defer first.Close()
	if change := <-changes; change.To != health.Healthy || change.Cause.Code != health.CauseProbeSuccess {
		t.Errorf("change %+v", change)
	}
	for b.renewing.Load() || b.state.Load().tiers[0].picker.(*roundRobin).length != 2 {
		b.Health() // takes the lock that the new picker is made under
	}
	if got := share(); got != "50:50" {
		t.Errorf("share after it healed %s", got)
	}
}
