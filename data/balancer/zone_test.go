package balancer

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestZones: the gateway is in zone a.
func TestZones(t *testing.T) {
	const both = "10.0.0.1,zone=a 10.0.0.2,zone=a 10.0.0.3,zone=b 10.0.0.4"
	tests := []struct{ name, zone, targets, down, want string }{
		{"off", "", both, "", "1=25 2=25 3=25 4=25"},
		{"the own zone gets all", "a", both, "", "1=50 2=50"},
		{"half of it down: 0.5 × 1.4 stay", "a", both, "1", "2=70 3=15 4=15"},
		{"all of it down", "a", both, "1 2", "3=50 4=50"},
		{"nothing in it", "c", both, "", "1=25 2=25 3=25 4=25"},
		{"priorities come first", "a", "10.0.0.1,zone=a,priority=1 10.0.0.2,zone=b", "", "2=100"},
		{
			"then zones",
			"a", "10.0.0.1,zone=b 10.0.0.2,zone=a,priority=1 10.0.0.3,zone=b,priority=1", "1", "2=100",
		},
		{"the last resort has no zone", "a", "10.0.0.1,zone=b 10.0.0.2,zone=a,failover 10.0.0.3,zone=b,failover", "1", "2=50 3=50"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1, Zone: tt.zone})
				defer r.Close()
				b := r.Set(upstream(t, "passive"), fleet(t, tt.targets))
				for n := range strings.FieldsSeq(tt.down) {
					address(t, b, "10.0.0."+n+":80").ReportStatus(500)
				}
				synctest.Wait()
				if got := shares(t, b); got != tt.want {
					t.Errorf("%s with %q down: %s, want %s", tt.targets, tt.down, got, tt.want)
				}
			})
		})
	}
}

// TestFullZone: what the own zone has no place for goes elsewhere, and a target that
// moves is preferred at once.
func TestFullZone(t *testing.T) {
	r := NewRegistry(Options{Resolver: fakeNames{}, Seed: 1, Zone: "a"})
	defer r.Close()
	b := r.Set(upstream(t, ""), fleet(t, "10.0.0.1,zone=a,max=2 10.0.0.2,zone=b,max=1"))
	for _, want := range []string{"10.0.0.1:80", "10.0.0.1:80", "10.0.0.2:80"} {
		if got, err := b.Pick(new(Attempt)); err != nil || got.Text != want {
			t.Errorf("picked %s, %v, want %s", describe(got), err, want)
		}
	}
	if _, err := b.Pick(new(Attempt)); !errors.Is(err, ErrOverLimit) {
		t.Errorf("with both full: %v, want %v", err, ErrOverLimit)
	}
	r.Set(upstream(t, ""), fleet(t, "10.0.0.1,zone=b 10.0.0.2,zone=a"))
	if got := shares(t, b); got != "2=100" {
		t.Errorf("after the zones changed: %s, want 2=100", got)
	}
}

// TestSlowStartCurve: with an aggression of 2, half of the share is there after a quarter of
// the time; with 0.5 a quarter after half of it.
func TestSlowStartCurve(t *testing.T) {
	tests := []struct {
		aggression float64
		after      time.Duration
		want       string
	}{
		{0, 5 * time.Second, "50 100"},
		{1, 5 * time.Second, "50 100"},
		{2, 2500 * time.Millisecond, "50 100"},
		{2, 100 * time.Millisecond, "10 100"},
		{0.5, 5 * time.Second, "25 100"},
		{0.5, 3 * time.Second, "10 100"}, // at least a tenth
		{0.5, 10 * time.Second, "100 100"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			u := upstream(t, "passive")
			u.SlowStart, u.SlowStartAggression = 10, tt.aggression
			r := NewRegistry(Options{Resolver: fakeNames{}})
			defer r.Close()
			fleet := fleet(t, "10.0.0.1 10.0.0.2")
			b := r.Set(u, fleet)
			recovered := address(t, b, "10.0.0.1:80")
			recovered.ReportStatus(500)
			recovered.ReportStatus(200)
			<-time.After(tt.after)
			var got []string
			for _, target := range b.Health().Targets {
				got = append(got, percent(target.Addresses[0].Share))
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("aggression %v, %v after it recovered: %s, want %s percent", tt.aggression, tt.after, s, tt.want)
			}
		})
	}
}

func percent(part float64) string { return strconv.Itoa(int(math.Round(part * 100))) }
