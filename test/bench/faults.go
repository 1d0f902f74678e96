//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gibbon/test/faults"
)

// faultRate is how many requests per second are sent while a target fails.
const faultRate = 500

// failing counts what clients see when one of four targets fails: for each
// algorithm, without retries, with the reference's rule and with a policy.
func failing(ctx context.Context, o options) error {
	path, err := filepath.Abs(o.gibbon)
	if err != nil {
		return err
	}
	scenario := faults.Scenario{
		Binary: path, Rate: faultRate, Patience: 300 * time.Millisecond,
		Before: time.Second, During: 3 * time.Second, After: 2 * time.Second,
	}
	modes := []string{faults.None, faults.Default, faults.Policy}
	var out strings.Builder
	fmt.Fprintf(&out, "%d requests per second; the fault lasts from second %.0f to second %.0f of %.0f. Failed requests of %d, and the 99th percentile of all latencies: without retries · as the reference retries · with a policy.\n\n",
		faultRate, scenario.Before.Seconds(), (scenario.Before + scenario.During).Seconds(), (scenario.Before + scenario.During + scenario.After).Seconds(),
		int(faultRate*(scenario.Before+scenario.During+scenario.After).Seconds()))
	out.WriteString("| | " + strings.Join(faults.Faults(), " | ") + " |\n|---" + strings.Repeat("|---", len(faults.Faults())) + "|\n")
	algorithms := faults.Algorithms()
	if o.only != "" {
		algorithms = strings.Split(o.only, ",")
	}
	for _, algorithm := range algorithms {
		out.WriteString("| " + algorithm + " |")
		for _, fault := range faults.Faults() {
			var failed, slow []string
			for _, mode := range modes {
				s := scenario
				s.Algorithm, s.Fault, s.Retries = algorithm, fault, mode
				r, err := faults.Run(ctx, s)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", algorithm, fault, err)
				}
				fmt.Fprintf(os.Stderr, "%-18s %-7s retries %-8s %d of %d failed, p99 %v %s\n", algorithm, fault, mode, r.Failed, r.Requests, r.P99.Round(time.Millisecond), reasons(r.Reasons))
				failed = append(failed, strconv.Itoa(r.Failed))
				slow = append(slow, strconv.FormatInt(r.P99.Milliseconds(), 10))
			}
			fmt.Fprintf(&out, " %s, %s ms |", strings.Join(failed, " · "), strings.Join(slow, " · "))
		}
		out.WriteString("\n")
	}
	out.WriteString("\nAll four targets answer 500 from the first request on, for six seconds, without health checks, with a policy of up to four attempts; and from second 1 on. The last two columns are the highest load in any one, two or three seconds of that, looked at every 100 ms.\n\n| | requests | tries | load | worst seconds | worst when it begins later |\n|---|---|---|---|---|---|\n")
	for _, algorithm := range algorithms {
		s := scenario
		s.Algorithm, s.Fault, s.Retries = algorithm, faults.All, faults.Policy
		s.Before, s.During, s.After = 0, 6*time.Second, 0
		first, err := faults.Run(ctx, s)
		if err != nil {
			return fmt.Errorf("%s, all targets: %w", algorithm, err)
		}
		s.Before, s.During = time.Second, 5*time.Second
		later, err := faults.Run(ctx, s)
		if err != nil {
			return fmt.Errorf("%s, all targets, later: %w", algorithm, err)
		}
		fmt.Fprintf(&out, "| %s | %d | %d | %.3f | %.3f | %.3f |\n", algorithm, first.Requests, first.Tries, float64(first.Tries)/float64(first.Requests), first.Worst, later.Worst)
	}
	fmt.Fprintf(&out, "\n%s\n", machine(ctx))
	return publish(o.write, "faults", out.String())
}

// reasons prints why requests failed.
func reasons(of map[string]int) string {
	var words []string
	for reason, n := range of {
		words = append(words, fmt.Sprintf("%s: %d", reason, n))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}
