package settings

import (
	"fmt"
	"strings"
)

//go:generate go run ./sample ../gibbon.conf.default

const sampleHead = `# Settings of Gibbon, with their defaults.
#
# Copy what you change to /etc/gibbon/gibbon.conf, or to any file that you name with
# gibbon start -c FILE. A line is key = value; # begins a comment, \# is the character.
# The environment beats the file: GIBBON_LOG_LEVEL=debug, or the same with KONG_. An empty
# number, time, size or boolean stands for the default. A setting marked [live] takes
# effect at gibbon reload; the others need gibbon restart.
#
# This file is generated from the declarations in the program: edit a copy.
`

// Sample returns gibbon.conf.default: every property with its default and its words.
func Sample() string {
	var b strings.Builder
	b.WriteString(sampleHead)
	for _, section := range new(Settings).sections() {
		rule := strings.Repeat("-", 86)
		fmt.Fprintf(&b, "\n#%s\n# %s\n#%s\n", rule, section.title, rule)
		for _, p := range section.properties {
			b.WriteString("\n")
			for _, line := range wrap(p.explained(), 86) {
				b.WriteString("# " + line + "\n")
			}
			b.WriteString(strings.TrimRight("#"+p.name+" = "+strings.ReplaceAll(p.standard, "#", `\#`), " ") + "\n")
		}
	}
	return b.String()
}

// explained returns the words with everything else that one must know about p.
func (p *property) explained() string {
	words := p.words
	if len(p.enum) > 0 {
		words += " One of: " + strings.Join(p.enum, ", ") + "."
		if p.kind == "array" {
			words = strings.Replace(words, "One of:", "Any of:", 1)
		}
	}
	if p.dynamic {
		words += " [live]"
	}
	if p.idle {
		words += " [no effect]"
	}
	return words
}

// wrap breaks words into lines of at most width characters.
func wrap(words string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(words) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
