package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// comparison compares JSON trees and collects what differs.
type comparison struct {
	*names
	entities map[string]map[string]any // recorded id → what was last recorded of it
	millis   bool                      // times may have a fraction: targets do
	diffs    []string
}

// parse is the tree of a JSON text, numbers kept as written.
func parse(body string) (tree any, err error) {
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	if err = decoder.Decode(&tree); err == nil && decoder.More() {
		err = errors.New("more after the value")
	}
	return tree, err
}

func (c *comparison) differ(at, format string, arguments ...any) {
	c.diffs = append(c.diffs, strings.TrimPrefix(at+": ", ": ")+fmt.Sprintf(format, arguments...))
}

// brief shows a tree in at most 200 bytes.
func brief(tree any) string {
	shown, err := json.Marshal(tree)
	if err != nil {
		return err.Error()
	}
	if len(shown) > 200 {
		shown = append(shown[:200], "…"...)
	}
	return string(shown)
}

// value compares two trees. The last word of at, the field's name, decides on
// the few fields with rules of their own.
func (c *comparison) value(at string, want, got any) {
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			c.object(at, want, got)
			return
		}
	case []any:
		if got, ok := got.([]any); ok {
			c.array(at, want, got)
			return
		}
	case json.Number:
		if got, ok := got.(json.Number); ok {
			c.number(at, want, got)
			return
		}
	case string:
		if got, ok := got.(string); ok {
			c.text(at, want, got)
			return
		}
	default: // null, true, false
		if want == got {
			return
		}
	}
	c.differ(at, "want %s, got %s", brief(want), brief(got))
}

func last(at string) string { return at[strings.LastIndexByte(at, '.')+1:] }

func (c *comparison) text(at, want, got string) {
	var same bool
	switch last(at) {
	case "offset":
		same = c.offset(want, got)
	case "next":
		same = c.next(want, got)
	case "config":
		if strings.HasPrefix(want, "_format_version: ") {
			c.file(at, want, got)
			return
		}
		same = c.same(want, got)
	default:
		same = c.same(unordered(want), unordered(got))
	}
	if !same {
		c.differ(at, "want %q, got %q", want, got)
	}
}

// file compares two configuration files in YAML, whose keys may come in any order.
func (c *comparison) file(at, want, got string) {
	var trees [2]any
	for i, text := range []string{want, got} {
		asJSON, err := yaml.YAMLToJSON([]byte(text))
		if err == nil {
			trees[i], err = parse(string(asJSON))
		}
		if err != nil {
			c.differ(at, "cannot be read: %v: %q", err, text)
			return
		}
	}
	c.value(at, trees[0], trees[1])
}

// offset pairs two page tokens. The same page may end with another entity when
// ids differ, so a later pair replaces an earlier one.
func (c *comparison) offset(want, got string) bool {
	c.offsets[want] = got
	return (want == "") == (got == "")
}

func (c *comparison) next(want, got string) bool {
	w, err := url.Parse(want)
	if err != nil {
		return want == got
	}
	g, err := url.Parse(got)
	if err != nil || !c.same(w.Path, g.Path) {
		return false
	}
	wantQuery, gotQuery := w.Query(), g.Query()
	paired := c.offset(wantQuery.Get("offset"), gotQuery.Get("offset"))
	wantQuery.Del("offset")
	gotQuery.Del("offset")
	return paired && wantQuery.Encode() == gotQuery.Encode()
}

var (
	fieldList  = regexp.MustCompile(`'[\w.]+'(?:, '[\w.]+')+`)
	luaError   = regexp.MustCompile(`\S+\.lua:\d+: .*`)
	opensslRaw = regexp.MustCompile(`error:[0-9A-F]{6,8}:[^)]*`)
)

// unordered takes out of a message what differs between two runs of the
// reference: the order of field names after "these fields must be", texts of
// OpenSSL and traces of Lua.
func unordered(message string) string {
	if strings.Contains(message, "these fields must be") {
		message = fieldList.ReplaceAllStringFunc(message, func(list string) string {
			words := strings.Split(list, ", ")
			slices.Sort(words)
			return strings.Join(words, ", ")
		})
	}
	if strings.Contains(message, ".lua:") {
		message = luaError.ReplaceAllString(message, "")
	}
	if strings.Contains(message, "error:") {
		message = opensslRaw.ReplaceAllString(message, "error:")
	}
	return message
}

// made is the least Unix time at which a recording may have been made.
const made = 1.7e9

func (c *comparison) number(at string, want, got json.Number) {
	w, _ := want.Float64() // JSON numbers all parse
	g, _ := got.Float64()
	switch name := last(at); {
	case (name == "created_at" || name == "updated_at") && w >= made:
		if g < made || !c.millis && w == math.Trunc(w) && g != math.Trunc(g) {
			c.differ(at, "want a time like %s, got %s", want, got)
		}
	case name == "ttl" && math.Abs(w-g) <= 60: // seconds left
	case w != g:
		c.differ(at, "want %s, got %s", want, got)
	}
}

// anyOrder are the fields that are sets, and lists that come from hash tables.
var anyOrder = map[string]bool{
	"tags": true, "protocols": true, "entity_tags": true, "flattened_errors": true, "errors": true,
	"at_least_one_of": true, "mutually_exclusive": true, "field_sources": true,
}

func (c *comparison) array(at string, want, got []any) {
	switch {
	case len(want) != len(got):
		c.differ(at, "want %d items %s, got %d %s", len(want), brief(want), len(got), brief(got))
	case anyOrder[last(at)]:
		c.set(at, want, got)
	default:
		for i := range want {
			c.value(at+"."+strconv.Itoa(i+1), want[i], got[i])
		}
	}
}

// set compares two lists in any order.
func (c *comparison) set(at string, want, got []any) {
	rest := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(rest, func(g any) bool { return c.try(at+".", w, g) })
		if i < 0 {
			c.differ(at, "missing %s among %s", brief(w), brief(rest))
			continue
		}
		rest = slices.Delete(rest, i, i+1)
	}
	if len(rest) > 0 {
		c.differ(at, "not wanted: %s", brief(rest))
	}
}

// try reports whether two trees are the same, and forgets what it learned if
// they are not.
func (c *comparison) try(at string, want, got any) bool {
	diffs, mark := c.diffs, len(c.formed)
	c.diffs = nil
	c.value(at, want, got)
	same := len(c.diffs) == 0
	if !same {
		c.undo(mark)
	}
	c.diffs = diffs
	return same
}

func (c *comparison) object(at string, want, got map[string]any) {
	if byID(want) && byID(got) {
		c.set(at, pairs(want), pairs(got))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		inner := strings.TrimPrefix(at+"."+name, ".")
		if value, ok := got[name]; ok {
			c.value(inner, want[name], value)
		} else {
			c.differ(inner, "missing, want %s", brief(want[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			c.differ(strings.TrimPrefix(at+"."+name, "."), "not wanted, got %s", brief(got[name]))
		}
	}
}

var wholeUUID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// byID reports whether all names in an object are ids.
func byID(object map[string]any) bool {
	for name := range object {
		if !wholeUUID.MatchString(name) {
			return false
		}
	}
	return len(object) > 0
}

func pairs(object map[string]any) []any {
	list := make([]any, 0, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		list = append(list, []any{name, object[name]})
	}
	return list
}
