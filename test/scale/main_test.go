package scale

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gibbon/test/gateway"
)

func TestMain(m *testing.M) { gateway.Main(m) }

// send makes one request to the Admin API, with body as JSON.
func send(tb testing.TB, g *gateway.Gateway, method, path string, body any) {
	tb.Helper()
	document, err := json.Marshal(body)
	if err != nil {
		tb.Fatal(err)
	}
	sendDocument(tb, g, method, path, document)
}

func sendDocument(tb testing.TB, g *gateway.Gateway, method, path string, document []byte) {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), method, "http://"+g.Admin+path, bytes.NewReader(document))
	if err != nil {
		tb.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		tb.Fatal(err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		tb.Fatalf("%s %s: %s: %.500s", method, path, response.Status, text)
	}
}

// fill gives an upstream so many targets, as few transactions as may be.
func fill(tb testing.TB, g *gateway.Gateway, upstream string, targets []string) {
	tb.Helper()
	const most = 10_000
	for len(targets) > 0 {
		some := targets[:min(most, len(targets))]
		operations := make([]any, len(some))
		for i, target := range some {
			operations[i] = map[string]any{
				"method": "POST", "path": "/upstreams/" + upstream + "/targets", "body": map[string]any{"target": target},
			}
		}
		send(tb, g, http.MethodPost, "/transactions", map[string]any{"operations": operations})
		targets = targets[len(some):]
	}
}

// cpu is the time that all threads of a process have run.
func cpu(tb testing.TB, pid int) (total time.Duration) {
	tb.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		tb.Fatalf("process %d: no threads", pid)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has just ended
		}
		if err != nil {
			tb.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), " ")
		nanoseconds, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		total += time.Duration(nanoseconds)
	}
	return total
}

// load is how busy the machine was lately, for the record.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg") // then without
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// settle waits until a process has nothing to do.
func settle(tb testing.TB, pid int) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Second / 5)
	defer tick.Stop()
	for last := cpu(tb, pid); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tb.Fatal("the gateway does not come to rest")
		}
		now := cpu(tb, pid)
		if now-last < 2*time.Millisecond {
			return
		}
		last = now
	}
}
