package conformance

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// outcome is what came of one line.
type outcome struct {
	n      int
	group  string
	what   string // the request, for messages
	status int    // of the answer; 0 when none came
	diffs  []string
}

// lists are the lines whose answers are known to differ.
type lists struct {
	deviations map[string]deviation // by name: "proxy 555"
	pending    map[string]string    // by name, "proxy 601" or "proxy plugins.auth", the reason
}

type deviation struct {
	status int // answered instead; 0 when no answer is wanted, -1 for the recorded one
	reason string
}

var listLine = regexp.MustCompile(`^(\S+)\s+(\S+)(?:\s+(\d+|=))?\s+(\S.*)$`)

// readLists reads testdata/deviations.txt and testdata/pending.txt. A line is:
// recording, line numbers or group, (for deviations) the status that is
// answered instead or "=", reason.
func readLists(t *testing.T, recording string) lists {
	t.Helper()
	l := lists{map[string]deviation{}, map[string]string{}}
	each := func(file string, use func(name, status, reason string)) {
		f, err := os.Open(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			line := strings.TrimSpace(lines.Text())
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			parts := listLine.FindStringSubmatch(line)
			if parts == nil {
				t.Fatalf("%s: cannot read %q", file, line)
			}
			if parts[1] != recording {
				continue
			}
			for _, name := range expand(parts[2]) {
				use(name, parts[3], parts[4])
			}
		}
	}
	each("deviations.txt", func(name, status, reason string) {
		d := deviation{status: -1, reason: reason}
		if n, err := strconv.Atoi(status); err == nil {
			d.status = n
		}
		l.deviations[name] = d
	})
	each("pending.txt", func(name, _, reason string) { l.pending[name] = reason })
	return l
}

// expand is 3,5-7 as 3 5 6 7; a group stays as it is.
func expand(lines string) (names []string) {
	for part := range strings.SplitSeq(lines, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(first)
		if err != nil {
			return append(names, lines)
		}
		to := from
		if isRange {
			if to, err = strconv.Atoi(last); err != nil {
				return append(names, lines)
			}
		}
		for ; from <= to; from++ {
			names = append(names, strconv.Itoa(from))
		}
	}
	return names
}

// judge reports the outcomes as one subtest for each group.
func judge(t *testing.T, recording string, outcomes []outcome) {
	t.Helper()
	known := readLists(t, recording)
	var groups []string
	met := map[string]bool{}
	for _, o := range outcomes {
		met[o.group], met[strconv.Itoa(o.n)] = true, true
		if !slices.Contains(groups, o.group) {
			groups = append(groups, o.group)
		}
	}
	for name := range known.deviations {
		if !met[name] {
			t.Errorf("deviations.txt: %s has no line %s", recording, name)
		}
	}
	for name := range known.pending {
		if !met[name] {
			t.Errorf("pending.txt: %s has neither line nor group %s", recording, name)
		}
	}
	for _, group := range groups {
		t.Run(group, func(t *testing.T) {
			passed, pending, total := 0, 0, 0
			for _, o := range outcomes {
				if o.group != group {
					continue
				}
				total++
				if len(o.diffs) == 0 {
					passed++
				}
				if known.judge(t, o) {
					pending++
				}
			}
			if _, ok := known.pending[group]; ok && passed == total {
				t.Errorf("the whole group passes: take it out of pending.txt")
			}
			t.Logf("%d of %d lines as recorded, %d pending", passed, total, pending)
		})
	}
}

// judge reports one outcome; it tells whether the line is pending and fails.
func (l lists) judge(t *testing.T, o outcome) bool {
	t.Helper()
	name, same := strconv.Itoa(o.n), len(o.diffs) == 0
	if d, ok := l.deviations[name]; ok {
		switch {
		case same:
			t.Errorf("%d %s: answered as recorded: take it out of deviations.txt", o.n, o.what)
		case d.status >= 0 && d.status != o.status:
			t.Errorf("%d %s: status %d, want %d instead of the recorded one (%s)\n%s", o.n, o.what, o.status, d.status, d.reason, strings.Join(o.diffs, "\n"))
		}
		return false
	}
	if _, ok := l.pending[name]; ok {
		if same {
			t.Errorf("%d %s: answered as recorded: take it out of pending.txt", o.n, o.what)
		}
		return !same
	}
	if _, ok := l.pending[o.group]; ok {
		return !same
	}
	if !same {
		const few = 6
		shown := o.diffs[:min(len(o.diffs), few)]
		if more := len(o.diffs) - few; more > 0 {
			shown = append(slices.Clone(shown), fmt.Sprintf("and %d more", more))
		}
		t.Errorf("%d %s\n  %s", o.n, o.what, strings.Join(shown, "\n  "))
	}
	return false
}
