package declarative

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Explain makes an error of Load or Parse readable: an indented list of all
// faults, each with the line of the file where it is. Other errors are returned
// as they are.
func (d *Document) Explain(err error) error {
	if e, ok := errors.AsType[*SyntaxError](err); ok {
		return fmt.Errorf("failed parsing declarative configuration: %w", e)
	}
	e, ok := errors.AsType[*InvalidError](err)
	if !ok {
		return err
	}
	x := explanation{document: d, lines: d.lines()}
	x.object(e.Fields, nil, "")
	return errors.New(strings.TrimSuffix(x.text.String(), "\n"))
}

type explanation struct {
	document *Document
	lines    map[string]int
	text     strings.Builder
}

// line is where the value at a path is, as " (kong.yml:7)". What is missing is
// where it should be.
func (x *explanation) line(path []any) string {
	for ; len(path) > 0; path = path[:len(path)-1] {
		if line := x.lines[PathText(path)]; line > 0 {
			return " (" + x.document.Name + ":" + strconv.Itoa(line) + ")"
		}
	}
	return ""
}

func (x *explanation) object(fields map[string]any, path []any, indent string) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		where := append(slices.Clone(path), name)
		switch m := fields[name].(type) {
		case map[string]any:
			fmt.Fprintf(&x.text, "%sin '%s':\n", indent, name)
			x.object(m, where, indent+"  ")
		case []any:
			if name == "@entity" {
				x.messages(m, path, indent)
				continue
			}
			fmt.Fprintf(&x.text, "%sin '%s':\n", indent, name)
			x.list(m, name, where, indent+"  ")
		default:
			fmt.Fprintf(&x.text, "%sin '%s': %v%s\n", indent, name, m, x.line(where))
		}
	}
}

func (x *explanation) list(list []any, name string, path []any, indent string) {
	for i, m := range list {
		where := append(slices.Clone(path), i)
		switch m := m.(type) {
		case nil:
		case map[string]any:
			fmt.Fprintf(&x.text, "%s- in entry %d of '%s':\n", indent, i+1, name)
			x.object(m, where, indent+"  ")
		case []any:
			fmt.Fprintf(&x.text, "%s- in entry %d of '%s':\n", indent, i+1, name)
			x.list(m, name, where, indent+"  ")
		default:
			fmt.Fprintf(&x.text, "%s- in entry %d of '%s': %v%s\n", indent, i+1, name, m, x.line(where))
		}
	}
}

func (x *explanation) messages(list []any, path []any, indent string) {
	for _, m := range list {
		fmt.Fprintf(&x.text, "%s%v%s\n", indent, m, x.line(path))
	}
}
