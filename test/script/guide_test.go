package script

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// printedVerb wants a guide to show the last command with its output.
func printedVerb(ts *testscript.TestScript, _ bool, args []string) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", args[0]))
	ts.Check(err)
	ts.Check(showsOutput(string(text), of(ts).called, ts.ReadFile("stdout")))
}

// minuteVerb waits for the next minute when less than so many seconds of this one are left.
func minuteVerb(ts *testscript.TestScript, _ bool, args []string) {
	seconds, err := strconv.Atoi(args[0])
	ts.Check(err)
	now := time.Now()
	next := now.Truncate(time.Minute).Add(time.Minute)
	if next.Sub(now) >= time.Duration(seconds)*time.Second {
		return
	}
	ctx, cancel := context.WithDeadline(of(ts).ctx, next)
	defer cancel()
	<-ctx.Done()
}

// showsOutput wants a block of a Markdown text to have the command, after "$ ", and
// below it the output. "…" stands for anything. A command may be there several times.
func showsOutput(markdown string, command []string, output string) error {
	err := fmt.Errorf("the guide does not show the output of %q", command)
	for _, block := range blocks.FindAllStringSubmatch(markdown, -1) {
		for part := range strings.SplitSeq("\n"+strings.ReplaceAll(block[1], "\\\n", " "), "\n$ ") {
			line, shown, _ := strings.Cut(part, "\n")
			if !slices.Equal(words(line), command) || strings.TrimSpace(shown) == "" {
				continue
			}
			if outputPattern(shown).MatchString(settle(output)) {
				return nil
			}
			err = fmt.Errorf("%s\nprinted\n%s\nbut the guide shows\n%s", line, settle(output), settle(shown))
		}
	}
	return err
}

// volatile is what differs from one run to the next.
var volatile = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "KEY"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "REQUEST"},
	{regexp.MustCompile(`\b[0-9]{10}(\.[0-9]+)?\b`), "TIME"},
	{regexp.MustCompile(`(?m)^(Date|User-Agent): .*$`), "$1: …"},
	{regexp.MustCompile(`(?mi)^(age|Content-Length|[A-Za-z-]+-Latency|RateLimit-Reset|Retry-After): [0-9]+$`), "$1: N"},
}

func settle(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for _, v := range volatile {
		text = v.pattern.ReplaceAllString(text, v.text)
	}
	return strings.TrimSpace(text)
}

func outputPattern(shown string) *regexp.Regexp {
	text := regexp.QuoteMeta(settle(shown))
	return regexp.MustCompile("^" + strings.ReplaceAll(text, "…", "(?s:.*?)") + "$")
}

// words are those of a shell command without anything but quotes.
func words(line string) []string {
	var all []string
	var word strings.Builder
	quote, inside := rune(0), false
	for _, r := range strings.TrimSpace(line) + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inside = r, true
		case quote == 0 && r == ' ':
			if inside {
				all = append(all, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	return all
}

func TestShownOutput(t *testing.T) {
	t.Parallel()
	const guide = "```console\n$ curl -i \\\n    'http://x y'\nHTTP/1.1 200 OK\nContent-Length: 3\n\n{\"id\":\"…\",\"n\":1}\n$ curl b\n```\n"
	command := []string{"curl", "-i", "http://x y"}
	for _, tt := range []struct {
		command []string
		output  string
		want    bool
	}{
		{command, "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n{\"id\":\"a\",\"n\":1}\n", true},
		{command, "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n{\"id\":\"a\",\"n\":2}\n", false},
		{command, "HTTP/1.1 201 OK\r\nContent-Length: 77\r\n\r\n{\"id\":\"a\",\"n\":1}\n", false},
		{[]string{"curl", "b"}, "", false},
		{[]string{"curl", "c"}, "HTTP/1.1 200 OK", false},
	} {
		if err := showsOutput(guide, tt.command, tt.output); (err == nil) != tt.want {
			t.Errorf("%q %q: %v, want shown: %v", tt.command, tt.output, err, tt.want)
		}
	}
}
