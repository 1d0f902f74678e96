package settings

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"
)

// maxFile is the largest settings file that is read.
const maxFile = 1 << 20

// An assignment is one line of a settings file.
type assignment struct {
	line       int
	key, value string
}

// parseConf reads lines of the form key = value. A # begins a comment unless a backslash
// stands before it. Of several lines with one key the last counts.
func parseConf(data []byte) ([]assignment, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(data) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	var found []assignment
	number := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		number++
		if !utf8.ValidString(line) || strings.ContainsRune(line, 0) {
			return nil, fmt.Errorf("line %d: not UTF-8 text", number)
		}
		line = strings.TrimSpace(uncomment(line))
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if !ok || !validKey(key) {
			return nil, fmt.Errorf("line %d: expected key = value, got '%s'", number, line)
		}
		found = append(found, assignment{number, key, strings.TrimSpace(value)})
	}
	return found, nil
}

// uncomment cuts a comment off and takes the backslash from an escaped #.
func uncomment(line string) string {
	if !strings.Contains(line, "#") {
		return line
	}
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		switch {
		case strings.HasPrefix(line[i:], `\#`):
			b.WriteByte('#')
			i++
		case line[i] == '#':
			return b.String()
		default:
			b.WriteByte(line[i])
		}
	}
	return b.String()
}

func validKey(key string) bool {
	for _, c := range []byte(key) {
		if !letterOrDigit(c) && c != '_' {
			return false
		}
	}
	return key != ""
}

func letterOrDigit(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// readConf reads a settings file. A missing one is an error in the reference's words.
func readConf(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("no file at: %s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	assignments, err := parseConf(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	values := make(map[string]string)
	for _, a := range assignments {
		values[strings.ToLower(a.key)] = a.value
	}
	return values, nil
}
