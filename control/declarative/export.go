package declarative

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/schema"
)

// Export writes all that a store has as a file in the current format, ids, times
// and secrets included. It is to be loaded as it is: _transform is false.
func Export(ctx context.Context, w io.Writer, from store.Reader, kinds entity.Kinds, now time.Time) error {
	b := []byte("_format_version: '" + currentFormat + "'\n_transform: false\n")
	for _, kind := range kinds {
		if !stored(kind) {
			continue
		}
		first := true
		err := from.Each(ctx, kind.Name, func(row store.Row) error {
			if first {
				b, first = append(b, kind.Name+":\n"...), false
			}
			var err error
			if b, err = appendRow(b, kind, row, now); err != nil {
				return fmt.Errorf("export %s %s: %w", row.Kind, row.ID, err)
			}
			const enough = 64 << 10
			if len(b) < enough {
				return nil
			}
			_, err = w.Write(b)
			b = b[:0]
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err := w.Write(b)
	return err
}

// appendRow writes one entity, its fields in the order of their declaration.
func appendRow(b []byte, kind *entity.Kind, row store.Row, now time.Time) ([]byte, error) {
	e := kind.New()
	if err := schema.Load(row.Doc, e); err != nil {
		return nil, err
	}
	tree, err := treeOf(schema.Append(nil, e))
	if err != nil {
		return nil, err
	}
	for _, ref := range kind.References() {
		if to, ok := tree[ref.Field].(map[string]any); ok {
			tree[ref.Field] = to["id"]
		}
	}
	if row.Expires != 0 {
		tree["ttl"] = json.Number(strconv.FormatInt(max(1, row.Expires-now.Unix()), 10))
	}
	prefix := "- "
	for _, f := range e.Fields() {
		v, ok := tree[f.Name()]
		if !ok {
			continue
		}
		delete(tree, f.Name()) // shorthands share names with fields
		b = appendMember(append(b, prefix...), f.Name(), v, "  ")
		prefix = "  "
	}
	return b, nil
}

// appendMember writes a key and its value, of which further lines begin with
// indent.
func appendMember(b []byte, name string, v any, indent string) []byte {
	b = append(appendText(b, name, indent), ':')
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return append(b, " {}\n"...)
		}
		b = append(b, '\n')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b = appendMember(append(b, indent+"  "...), name, v[name], indent+"  ")
		}
		return b
	case []any:
		if len(v) == 0 {
			return append(b, " []\n"...)
		}
		b = append(b, '\n')
		for _, e := range v {
			b = appendElement(append(b, indent...), e, indent)
		}
		return b
	}
	return append(appendScalar(append(b, ' '), v, indent), '\n')
}

func appendElement(b []byte, v any, indent string) []byte {
	b = append(b, '-', ' ')
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return append(b, "{}\n"...)
		}
		prefix := ""
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b = appendMember(append(b, prefix...), name, v[name], indent+"  ")
			prefix = indent + "  "
		}
		return b
	case []any:
		if len(v) == 0 {
			return append(b, "[]\n"...)
		}
		prefix := ""
		for _, e := range v {
			b = appendElement(append(b, prefix...), e, indent+"  ")
			prefix = indent + "  "
		}
		return b
	}
	return append(appendScalar(b, v, indent), '\n')
}

func appendScalar(b []byte, v any, indent string) []byte {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(b, v)
	case json.Number:
		return append(b, v...)
	case string:
		return appendText(b, v, indent)
	}
	return append(b, '~')
}

// appendText writes a text without quotes where nobody could read it as anything
// else.
func appendText(b []byte, s, indent string) []byte {
	switch {
	case plain(s):
		return append(b, s...)
	case block(s):
		b = append(b, "|-"...)
		if body, ok := strings.CutSuffix(s, "\n"); ok {
			b, s = b[:len(b)-1], body
		}
		for line := range strings.SplitSeq(s, "\n") {
			b = append(append(append(b, '\n'), indent+"  "...), line...)
		}
		return b
	case strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0xfeff || r > '~' && r < 0xa1 || r == 0x2028 || r == 0x2029
	}) >= 0:
		return append(b, quoted(s)...)
	}
	return append(append(append(b, '\''), strings.ReplaceAll(s, "'", "''")...), '\'')
}

// quoted writes a text as JSON, which YAML reads alike.
func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // texts always encode
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// plain tells whether a text needs no quotes: it begins with a letter, a slash
// or an underscore, or it is an address or id, and no word that means something
// else.
func plain(s string) bool {
	if s == "" || len(s) > 200 {
		return false
	}
	switch strings.ToLower(s) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n":
		return false
	}
	digitsOnly := true
	for i, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		switch {
		case letter, c == '/', c == '_' && i > 0, c == '-' && i > 0, digit, c == '.' && i > 0:
		default:
			return false
		}
		digitsOnly = digitsOnly && !letter && c != '/' && c != '-'
	}
	first := s[0]
	if '0' <= first && first <= '9' {
		return schema.IsUUID(s) && !looksLikeNumber(s) || strings.Count(s, ".") == 3 && digitsOnly && !strings.Contains(s, "_")
	}
	return !digitsOnly
}

// looksLikeNumber tells whether some reader may take a UUID for a number, such as
// one with an exponent.
func looksLikeNumber(s string) bool {
	_, err := strconv.ParseFloat(strings.ReplaceAll(s, "-", ""), 64)
	return err == nil
}

// block tells whether a text of several lines can be written as they are, as PEM
// can.
func block(s string) bool {
	body := strings.TrimSuffix(s, "\n")
	if !strings.Contains(s, "\n") || body == "" || strings.HasSuffix(body, "\n") {
		return false
	}
	for line := range strings.SplitSeq(body, "\n") {
		if line == "" || line[0] == ' ' || line[len(line)-1] == ' ' {
			return false
		}
		for _, c := range []byte(line) {
			if c < ' ' || c > '~' {
				return false
			}
		}
	}
	return true
}
