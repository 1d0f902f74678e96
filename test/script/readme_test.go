package script

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// blocks are the fenced parts of a Markdown text that show commands.
var blocks = regexp.MustCompile("(?ms)^```(?:sh|shell|bash|console)\n(.*?)^```")

// TestReadmeIsTold checks that each curl and HTTPie command in README.md and in
// the first guide is, word for word, a line of a story: so it works, and answers
// as it says there.
func TestReadmeIsTold(t *testing.T) {
	t.Parallel()
	stories, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, story := range stories {
		text, err := os.ReadFile(story)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			told[strings.Join(strings.Fields(line), " ")] = true
		}
	}
	for _, name := range []string{"README.md", "docs/guides/getting-started.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		commands := 0
		for _, command := range shown(string(text)) {
			tool, _, _ := strings.Cut(command, " ")
			if tool != "curl" && tool != "http" {
				continue
			}
			commands++
			if !told[command] {
				t.Errorf("%s shows what no story tells: %s", name, command)
			}
		}
		if commands == 0 {
			t.Errorf("%s shows no curl or http command", name)
		}
	}
}

// shown are the commands in the blocks of a Markdown text, on one line each.
func shown(markdown string) (commands []string) {
	for _, block := range blocks.FindAllStringSubmatch(markdown, -1) {
		text := strings.ReplaceAll(block[1], "\\\n", " ")
		for line := range strings.Lines(text) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
			if line != "" && !strings.HasPrefix(line, "#") {
				commands = append(commands, strings.Join(strings.Fields(line), " "))
			}
		}
	}
	return commands
}

func TestShownCommands(t *testing.T) {
	t.Parallel()
	const markdown = "Text `curl no`.\n\n```console\n$ curl -i \\\n    http://x\n{\"a\": 1}\n```\n\n```go\ncurl(no)\n```\n```sh\n# a comment\nhttp :8001/\n```\n"
	want := []string{"curl -i http://x", `{"a": 1}`, "http :8001/"}
	if got := shown(markdown); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("shown = %q, want %q", got, want)
	}
}
