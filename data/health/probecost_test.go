package health

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain also is the target of BenchmarkProbeCost, in a process of its own: what a
// target does for a probe is not the gateway's cost.
func TestMain(m *testing.M) {
	if os.Getenv("GIBBON_TEST_TARGET") == "" {
		os.Exit(m.Run())
	}
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		os.Exit(1)
	}
	io.WriteString(os.Stdout, l.Addr().String()+"\n")
	server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/grpc") {
			healthServer(w, r)
		}
	})}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	_ = server.Serve(l) // until it is killed
}

// used returns the processor time that this process has used.
func used(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchTarget starts a target in a process of its own, and returns the addresses that lead to it.
func benchTarget(b *testing.B) []Key {
	b.Helper()
	target := exec.CommandContext(b.Context(), os.Args[0])
	target.Env = append(os.Environ(), "GIBBON_TEST_TARGET=1")
	out, err := target.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := target.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = target.Process.Kill() // it runs until then
		_ = target.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	at, err := net.ResolveTCPAddr("tcp", strings.TrimSpace(line))
	if err != nil {
		b.Fatal(err)
	}
	keys := make([]Key, 10_000)
	for i := range keys {
		keys[i] = Key{Host: "127.0.0.1", Port: uint16(at.Port), Target: "a.test"}
		if runtime.GOOS == "linux" { // else connections that have just ended keep their ports from new ones
			keys[i].Host = fmt.Sprintf("127.1.%d.%d", i>>8, i&255)
		}
	}
	return keys
}

// BenchmarkProbeCost measures the processor time that a probe on its own costs the gateway, ten
// at a time; see BenchmarkSweep. At 10,000 addresses every 5 seconds, 50 µs are a tenth of a core.
func BenchmarkProbeCost(b *testing.B) {
	keys := benchTarget(b)
	for _, rules := range []string{"type=http keepalive=0", "type=http keepalive=1", "type=grpc keepalive=0", "type=grpc keepalive=1", "type=tcp", "type=http keepalive=0 dialer"} {
		b.Run(rules, func(b *testing.B) {
			o := &Options{Dial: Dial}
			rules, plain := strings.CutSuffix(rules, " dialer")
			if plain { // for comparison
				o.Dial = new(net.Dialer).DialContext
			}
			r := Compile(parseRules(b, "interval=1 timeout=10 "+rules))
			slots := make(chan *kept, 10)
			for range cap(slots) {
				slots <- new(kept)
			}
			before := used(b)
			for i := 0; b.Loop(); i++ {
				keep, key := <-slots, keys[i%len(keys)]
				go func() {
					if c := r.probe.run(context.Background(), o, key, keep); c.Result != Success {
						b.Errorf("%s %s", c.Result, c.Error)
					}
					slots <- keep
				}()
			}
			for range cap(slots) {
				(<-slots).put(nil)
			}
			b.ReportMetric(float64(used(b)-before)/float64(b.N)/1000, "cpu-µs/op")
			b.ReportMetric(0, "ns/op")
		})
	}
}
