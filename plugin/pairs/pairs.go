// Package pairs is what the plugins that change requests and answers have in
// common: settings of the form name:value, and changes of JSON objects.
package pairs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"gibbon/schema"
)

// A Pair is one setting.
type Pair struct{ Name, Value string }

// Parse splits settings at their first colon.
func Parse(list []string) []Pair {
	pairs := make([]Pair, len(list))
	for i, s := range list {
		pairs[i].Name, pairs[i].Value, _ = strings.Cut(s, ":")
	}
	return pairs
}

// Form is the pattern of name:value.
const Form = "^[^:]+:.*$"

// CheckHeader refuses settings whose name cannot be that of a header.
func CheckHeader(s string) error {
	name, _, _ := strings.Cut(s, ":")
	if !isHeaderName(name) {
		return fmt.Errorf("'%s' is not a valid header", name)
	}
	return nil
}

// CheckRename refuses settings of which one of the two names cannot be that of a header.
func CheckRename(s string) error {
	if err := CheckHeader(s); err != nil {
		return err
	}
	if _, name, _ := strings.Cut(s, ":"); !isHeaderName(name) {
		return fmt.Errorf("'%s' is not a valid header", name)
	}
	return nil
}

// CheckValue refuses settings without a value.
func CheckValue(s string) error {
	if name, value, _ := strings.Cut(s, ":"); value == "" {
		return fmt.Errorf("key '%s' has no value", name)
	}
	return nil
}

func isHeaderName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return name != ""
}

// List declares a list of settings, empty by default.
func List(name string, p *[]string, rules func(*schema.Value[string])) *schema.Value[[]string] {
	return schema.List(name, p, func(p *string) *schema.Value[string] {
		f := schema.String("", p)
		if rules != nil {
			rules(f)
		}
		return f
	}).Required().Default([]string{})
}

// Text makes a value that can stand in a header: without the bytes that end a
// line or a string.
func Text(s string) string {
	if strings.IndexFunc(s, ends) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if ends(r) {
			return -1
		}
		return r
	}, s)
}

func ends(r rune) bool { return r == '\r' || r == '\n' || r == 0 }

// An Object is a JSON object. Values that are not changed stay as they came.
type Object map[string]json.RawMessage

// ParseObject reads an object, and reports whether it is one.
func ParseObject(text []byte) (Object, bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	var o Object
	if err := d.Decode(&o); err != nil || o == nil {
		return nil, false
	}
	_, err := d.Token()
	return o, err == io.EOF
}

// Bytes writes the object, sorted by name.
func (o Object) Bytes() []byte { return encode(map[string]json.RawMessage(o)) }

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // texts, numbers and what was read can be written
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Rename moves a value.
func (o Object) Rename(from, to string) bool {
	v, ok := o[from]
	if !ok || from == to {
		return false
	}
	delete(o, from)
	o[to] = v
	return true
}

// Append makes the value of a name an array with one more element.
func (o Object) Append(name string, v json.RawMessage) {
	old := bytes.TrimSpace(o[name])
	var list []json.RawMessage
	switch {
	case len(old) > 0 && old[0] == '[':
		if err := json.Unmarshal(old, &list); err != nil {
			return // it was read before
		}
	case len(old) > 0 && string(old) != "null":
		list = append(list, old)
	}
	o[name] = encode(append(list, v))
}

// String is a text as JSON.
func String(s string) json.RawMessage { return encode(s) }

// Typed is a text as JSON of a type: "boolean", "number" or "string". It reports
// whether the text can be one.
func Typed(s, kind string) (json.RawMessage, bool) {
	switch kind {
	case "boolean":
		return encode(s == "true"), true
	case "number":
		f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || f-f != 0 { // infinite, or no number
			return nil, false
		}
		return encode(f), true
	}
	return String(s), true
}
