//go:build linux

// Command bench measures the program against nginx and HAProxy, how soon
// it serves after its start, how fast its stores are, and what clients see of
// targets that fail:
//
//	bench [-gibbon FILE] [-against FILE] [-rounds N] [-seconds S] [-write FILE] peers
//	bench [-gibbon FILE] [-rounds N] [-write FILE] start
//	bench [-gibbon FILE] [-seconds S] [-write FILE] store
//	bench [-gibbon FILE] [-only ALGORITHMS] [-write FILE] faults
//
// Every proxy gets one core; the origin and the load generator, one thread
// together, get the other one. The proxies take turns, round by round, so that
// what else the machine does hits all of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gibbon/test/faults"
)

// options are the command line.
type options struct {
	gibbon      string
	against     string
	rounds      int
	length      time.Duration
	connections int
	idle        int
	routes      int
	stored      int
	write       string
	only        string
	latency     bool
}

func main() {
	faults.Serve()
	var o options
	var seconds float64
	flag.StringVar(&o.gibbon, "gibbon", "bin/gibbon", "the program")
	flag.StringVar(&o.against, "against", "", "another build of the program, to be compared as well")
	flag.IntVar(&o.rounds, "rounds", 15, "rounds")
	flag.Float64Var(&seconds, "seconds", 2, "length of one measurement")
	flag.IntVar(&o.connections, "connections", 64, "keep-alive connections")
	flag.IntVar(&o.idle, "idle", 10_000, "idle connections for the memory figure, 0 for none")
	flag.IntVar(&o.routes, "routes", 1000, "routes")
	flag.IntVar(&o.stored, "stored", 100_000, "routes in a store, a multiple of ten")
	flag.StringVar(&o.write, "write", "", "Markdown file in which to replace the section of this benchmark")
	flag.StringVar(&o.only, "only", "", "measure only these proxies, joined by commas (nginx stays, as the unit), this store (SQLite, PostgreSQL, file), or these algorithms while targets fail")
	flag.BoolVar(&o.latency, "latency", true, "measure latencies at half load as well")
	flag.Parse()
	o.length = time.Duration(seconds * float64(time.Second))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := map[string]func(context.Context, options) error{"peers": peers, "start": starts, "store": stores, "faults": failing, "manager": watching}[flag.Arg(0)]
	if run == nil {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

// prepare resolves the program, raises the soft limit of open files and moves this
// process to the last core.
func (o *options) prepare() error {
	for _, program := range []*string{&o.gibbon, &o.against} {
		if *program == "" {
			continue
		}
		path, err := filepath.Abs(*program)
		if err != nil {
			return err
		}
		*program = path
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Max < uint64(o.idle+1000) {
		return fmt.Errorf("%d idle connections need more open files than the hard limit of %d", o.idle, limit.Max)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if runtime.NumCPU() == 1 && os.Getenv("BENCH_PINNED") == "" {
		return errors.New("two cores are needed: one for the proxy, one for the load")
	}
	if os.Getenv("BENCH_PINNED") == "" { // once more, pinned from the first thread on
		taskset, err := exec.LookPath("taskset")
		if err != nil {
			return err
		}
		arguments := append([]string{"taskset", "-c", strconv.Itoa(runtime.NumCPU() - 1)}, os.Args...)
		return syscall.Exec(taskset, arguments, append(os.Environ(), "BENCH_PINNED=1"))
	}
	debug.SetGCPercent(1000)
	runtime.LockOSThread()
	return nil
}

// sample is what one round measured of one proxy.
type sample struct {
	cpu      time.Duration // of the proxy, per request
	rate     float64       // requests per second, as many as go
	p50, p99 time.Duration // at half of nginx's rate
	memory   int64         // after the load
	failures int
}

const nginx = "nginx"

// peers measures all proxies in turn.
func peers(ctx context.Context, o options) error {
	if err := o.prepare(); err != nil {
		return err
	}
	var all []proxy
	for _, p := range proxies(o.gibbon, o.against) {
		if o.only == "" || slices.Contains(strings.Split(o.only, ","), p.name) || p.name == nginx {
			all = append(all, p)
		}
	}
	requests := make([][]byte, o.routes)
	for i := range requests {
		requests[i] = fmt.Appendf(nil, "GET %s/items?page=%d HTTP/1.1\r\nHost: api.example.test\r\nUser-Agent: bench/1\r\nAccept: application/json\r\napikey: %s\r\n\r\n", route(i), i, benchKey)
	}
	s := setting{routes: o.routes, targets: []string{"127.0.0.1:19091", "127.0.0.1:19092"}, core: "0"}
	l, err := newLoop(s.targets, requests)
	if err != nil {
		return err
	}
	running := map[string]*process{}
	for _, p := range all {
		proxy, stop, err := started(ctx, p, s)
		defer stop()
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		running[p.name] = proxy
	}
	samples, err := rounds(l, all, running, o)
	if err != nil {
		return err
	}
	idle := map[string]float64{}
	if o.idle > 0 {
		for _, p := range all {
			if idle[p.name], err = measureIdle(l, p, running[p.name], o); err != nil {
				return fmt.Errorf("%s with idle connections: %w", p.name, err)
			}
		}
	}
	return report(ctx, o, all, samples, idle)
}

// rounds measures each proxy twice a round; who is first changes.
func rounds(l *loop, all []proxy, running map[string]*process, o options) (map[string][]sample, error) {
	samples := map[string][]sample{}
	for round := range o.rounds {
		half := 0.0
		for i := range all {
			p := all[(i+round)%len(all)]
			one, err := measureOne(l, p, running[p.name], o)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			samples[p.name] = append(samples[p.name], one)
			if p.name == nginx {
				half = one.rate / 2
			}
			fmt.Fprintf(os.Stderr, "round %d  %-8s %6.2f µs CPU/request  %7.0f requests/s  %d failures\n",
				round+1, p.name, float64(one.cpu.Nanoseconds())/1e3, one.rate, one.failures)
		}
		for i := range all {
			if !o.latency {
				break
			}
			p := all[(i+round)%len(all)]
			one := &samples[p.name][round]
			r, err := l.run(p.address, o.connections, half, o.length/4, o.length, func() {})
			if err != nil {
				return nil, fmt.Errorf("%s at half load: %w", p.name, running[p.name].failed(err))
			}
			one.p50, one.p99 = r.p50, r.p99
			one.failures += r.failures
		}
	}
	return samples, nil
}

// started starts a proxy in a new directory; stop ends it and removes that.
func started(ctx context.Context, p proxy, s setting) (running *process, stop func(), err error) {
	dir, err := os.MkdirTemp("", "bench-"+p.name+"-")
	if err != nil {
		return nil, func() {}, err
	}
	running, err = p.start(ctx, dir, s)
	return running, func() {
		if running != nil {
			running.stop()
		}
		_ = os.RemoveAll(dir) // in the temporary directory anyway
	}, err
}

func measureOne(l *loop, p proxy, running *process, o options) (one sample, err error) {
	var marks []usage
	r, err := l.run(p.address, o.connections, 0, o.length/4, o.length, func() {
		if u, err := measureTree(running.Process.Pid); err == nil {
			marks = append(marks, u)
		}
	})
	if err != nil {
		return one, running.failed(err)
	}
	if len(marks) != 2 {
		return one, running.failed(errors.New("it ended under load"))
	}
	return sample{
		cpu: (marks[1].cpu - marks[0].cpu) / time.Duration(r.requests), memory: marks[1].memory,
		rate: float64(r.requests) / r.elapsed.Seconds(), failures: r.failures,
	}, nil
}

// measureIdle is the memory that one more idle connection costs.
func measureIdle(l *loop, p proxy, running *process, o options) (perIdle float64, err error) {
	defer l.hangUp()
	if err := l.fill(p.address, 100); err != nil { // what is allocated once
		return 0, running.failed(err)
	}
	before, err := measureTree(running.Process.Pid)
	if err != nil {
		return 0, err
	}
	if err := l.fill(p.address, o.idle); err != nil {
		return 0, running.failed(err)
	}
	after, err := measureTree(running.Process.Pid)
	return float64(after.memory-before.memory) / float64(o.idle), err
}
