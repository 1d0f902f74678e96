package scale

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"gibbon/test/gateway"
)

// manyTargets is with how many targets things are measured.
const manyTargets = 10_000

// BenchmarkChange changes the weight of one of 10,000 targets through the Admin API.
// The answer comes when the change is stored and requests go by it.
func BenchmarkChange(b *testing.B) {
	for _, algorithm := range []string{"round-robin", "consistent-hashing", "least-connections", "latency", "sticky-sessions"} {
		b.Run(fmt.Sprintf("%s/targets=%d", algorithm, manyTargets), func(b *testing.B) {
			g := gateway.Run(b, gateway.Options{})
			upstream := map[string]any{"name": "many", "algorithm": algorithm}
			switch algorithm {
			case "consistent-hashing":
				upstream["hash_on"] = "ip"
			case "sticky-sessions":
				upstream["sticky_sessions_cookie"] = "sid"
			}
			send(b, g, http.MethodPost, "/upstreams", upstream)
			targets := make([]string, manyTargets)
			for i := range targets {
				targets[i] = fmt.Sprintf("10.%d.%d.%d:80", i>>16, i>>8&255, i&255)
			}
			fill(b, g, "many", targets)
			settle(b, g.PID())

			var times []time.Duration
			before := cpu(b, g.PID())
			for i := 0; b.Loop(); i++ {
				began := time.Now()
				sendDocument(b, g, http.MethodPatch, "/upstreams/many/targets/"+targets[i*7919%manyTargets], fmt.Appendf(nil, `{"weight":%d}`, 1+i%1000))
				times = append(times, time.Since(began))
			}
			used := cpu(b, g.PID()) - before
			slices.Sort(times)
			milliseconds := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
			b.ReportMetric(milliseconds(times[0]), "min-ms")
			b.ReportMetric(milliseconds(times[len(times)/2]), "p50-ms")
			b.ReportMetric(milliseconds(used)/float64(len(times)), "cpu-ms/op")
			b.Log("load of the machine:", load())
		})
	}
}
