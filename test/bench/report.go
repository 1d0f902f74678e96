//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// spread is the least, the middle and the greatest of some figures.
type spread struct{ least, middle, most float64 }

func spreadOf(figures []float64) spread {
	figures = slices.Sorted(slices.Values(figures))
	return spread{figures[0], figures[len(figures)/2], figures[len(figures)-1]}
}

func (s spread) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", s.middle, s.least, s.most) }

// figures are the columns of the table; in all of them less is better, but for
// the rate.
func figures() []figure {
	return []figure{
		{"CPU per request", "µs", func(s sample) float64 { return float64(s.cpu.Nanoseconds()) / 1e3 }},
		{"requests/s", "", func(s sample) float64 { return s.rate }},
		{"p50", "µs", func(s sample) float64 { return float64(s.p50.Nanoseconds()) / 1e3 }},
		{"p99", "µs", func(s sample) float64 { return float64(s.p99.Nanoseconds()) / 1e3 }},
		{"memory", "MiB", func(s sample) float64 { return float64(s.memory) / (1 << 20) }},
	}
}

type figure struct {
	name, unit string
	of         func(sample) float64
}

// report prints the table, and puts it into the file that -write names.
func report(ctx context.Context, o options, all []proxy, samples map[string][]sample, idle map[string]float64) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%d rounds of %v, %d connections, %d routes; median of the rounds, and as a ratio to nginx in the same round: median (least–most).\n\n",
		o.rounds, o.length, o.connections, o.routes)
	out.WriteString("| | " + header(ctx, all) + "\n|---" + strings.Repeat("|---", len(all)) + "|\n")
	for _, f := range figures() {
		fmt.Fprintf(&out, "| %s |", f.name)
		for _, p := range all {
			values, ratios := make([]float64, o.rounds), make([]float64, o.rounds)
			for i, s := range samples[p.name] {
				values[i] = f.of(s)
				ratios[i] = f.of(s) / f.of(samples[nginx][i])
			}
			fmt.Fprintf(&out, " %s%s", number(spreadOf(values).middle), unit(f.unit))
			if p.name != nginx {
				fmt.Fprintf(&out, " · **%v**", spreadOf(ratios))
			}
			out.WriteString(" |")
		}
		out.WriteString("\n")
	}
	if len(idle) > 0 {
		fmt.Fprintf(&out, "| memory per idle connection, %d of them |", o.idle)
		for _, p := range all {
			fmt.Fprintf(&out, " %.1f KiB", idle[p.name]/1024)
			if p.name != nginx {
				fmt.Fprintf(&out, " · **%.2f**", idle[p.name]/idle[nginx])
			}
			out.WriteString(" |")
		}
		out.WriteString("\n")
	}
	failures := 0
	for _, of := range samples {
		for _, s := range of {
			failures += s.failures
		}
	}
	for _, p := range all {
		if first := all[0].name; p.name != first {
			fmt.Fprintf(&out, "\nCPU per request of %s is %v times that of %s.", first, spreadOf(cpuRatios(samples[first], samples[p.name])), p.name)
		}
	}
	fmt.Fprintf(&out, "\n%d requests failed. %s\n", failures, machine(ctx))
	return publish(o.write, "peers", out.String())
}

// cpuRatios divides round by round.
func cpuRatios(ours, theirs []sample) []float64 {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = float64(ours[i].cpu) / float64(theirs[i].cpu)
	}
	return ratios
}

func header(ctx context.Context, all []proxy) string {
	var names []string
	for _, p := range all {
		names = append(names, versionOf(ctx, p)+" |")
	}
	return strings.Join(names, " ")
}

func number(f float64) string {
	if f >= 1000 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.1f", f)
}

func unit(u string) string {
	if u == "" {
		return ""
	}
	return " " + u
}

// machine says where the figures come from.
func machine(ctx context.Context) string {
	kernel, err := exec.CommandContext(ctx, "uname", "-r").Output()
	if err != nil {
		kernel = []byte("unknown kernel")
	}
	model := "unknown processor"
	cpus, _ := os.ReadFile("/proc/cpuinfo") // then the model stays unknown
	for line := range strings.SplitSeq(string(cpus), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%s, Linux %s, %s, %s.", model, strings.TrimSpace(string(kernel)), runtime.Version(), time.Now().UTC().Format(time.DateOnly))
}

// publish prints a text and puts it between the marks of its section in a file;
// a section that is not there yet goes to the end.
func publish(file, section, text string) error {
	if _, err := os.Stdout.WriteString(text); err != nil || file == "" {
		return err
	}
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	begin, end := "<!-- "+section+" -->\n", "<!-- /"+section+" -->"
	before, rest, found := strings.Cut(string(old), begin)
	_, after, closed := strings.Cut(rest, end)
	switch {
	case !found:
		before += "\n"
		after = "\n"
	case !closed:
		return fmt.Errorf("%s: the section that begins with %q has no end", file, strings.TrimSpace(begin))
	}
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o644)
}
