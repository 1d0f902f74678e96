package manager

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// From an empty gateway to traffic that alternates, by clicking only; then a target
// dies, is seen to be red with its cause, and comes back.
func TestWalkthroughByClicking(t *testing.T) {
	newWorld(t, nil).tell("walkthrough", nil)
}

// The same without a mouse: the focus can be seen, in order, and is never lost.
func TestWalkthroughByKeyboard(t *testing.T) {
	newWorld(t, nil).tell("keyboard", nil)
}

// Every page in both themes: no fault that axe finds, nothing that the policy refuses, no
// request to elsewhere, names with markup shown as text.
func TestPages(t *testing.T) {
	newWorld(t, nil).tell("pages", nil)
}

// The gateway goes away while a form is half filled in, and comes back.
func TestNothingIsLostWhileTheGatewayIsAway(t *testing.T) {
	newWorld(t, nil).tell("away", nil)
}

// A gateway that gets its configuration as a whole refuses one: the overview says so.
func TestRejectedConfigurationIsShown(t *testing.T) {
	newWorld(t, map[string]string{"DATABASE": "off"}).tell("rejected", nil)
}

// The Admin API wants a token: the page asks for it, and keeps it nowhere.
func TestTokenIsAskedFor(t *testing.T) {
	const hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" // of "test"
	newWorld(t, map[string]string{"ADMIN_TOKENS": hash}).tell("token", nil)
}

// The counts of the page are those of the access log, to the last request.
func TestCountsAreThoseOfTheAccessLog(t *testing.T) {
	n := 4000
	if os.Getenv("LONG") != "" {
		n = 100_000
	}
	w := newWorld(t, nil)
	w.tell("counts", map[string]any{"number": n})
	if err := w.Stop(); err != nil { // what the log holds back is written then
		t.Fatal(err)
	}
	if logged := triesByAddress(t, filepath.Join(w.Prefix, "logs", "access.log")); !maps.Equal(logged, w.counted) {
		t.Errorf("the page counts %v, the access log %v", w.counted, logged)
	}
	sum := 0
	for _, count := range w.counted {
		sum += count
	}
	if sum != n {
		t.Errorf("the page counts %d requests, %d were sent", sum, n)
	}
}

// triesByAddress counts the tries in an access log.
func triesByAddress(t *testing.T, path string) map[string]int {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read
	counts := map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var entry struct {
			Tries []struct{ Address string }
		}
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			t.Fatal(err)
		}
		for _, try := range entry.Tries {
			counts[try.Address]++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return counts
}
