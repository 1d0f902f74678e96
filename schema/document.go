package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Load fills r from a document that Append made. Nothing is validated, unknown
// fields are passed over and absent fields take their defaults.
func Load(doc []byte, r Record) error { return loadFields(doc, r.Fields()) }

func loadFields(doc []byte, fields Fields) error {
	s := &scanner{b: doc}
	s.record(fields)
	if s.bad || s.next() != 0 || s.i < len(doc) {
		return fmt.Errorf("load %.40q: %w", doc, errDocument)
	}
	return nil
}

// A Loader loads many documents of one type. It lists the fields only once, so
// it is faster than Load; it is not for concurrent use.
type Loader[T any] struct {
	into   T
	fields Fields
}

// NewLoader returns a Loader of T: NewLoader[entity.Route]().
func NewLoader[T any, P RecordOf[T]]() *Loader[T] {
	l := &Loader[T]{}
	l.fields = P(&l.into).Fields()
	return l
}

// Load returns a new T filled from doc, like the function Load.
func (l *Loader[T]) Load(doc []byte) (*T, error) {
	if err := loadFields(doc, l.fields); err != nil {
		return nil, err
	}
	v := l.into
	return &v, nil
}

// TextIn returns the text of one field of a document that Append made, "" when it
// is null or no text. ok is false for what is no document.
func TextIn(doc []byte, name string) (text string, ok bool) {
	s := &scanner{b: doc}
	s.object(func(key []byte) {
		if string(key) == name && s.next() == '"' {
			text = s.text(nil)
			return
		}
		s.skip()
	})
	return text, !s.bad
}

// Tree returns r as a tree, without transient fields.
func Tree(r Record) map[string]any { return treeOf(r.Fields()) }

func treeOf(fields Fields) map[string]any {
	tree := make(map[string]any, len(fields))
	for _, f := range fields {
		if d := f.declared(); !d.isShorthand() && !d.is(transient) {
			tree[d.name] = f.tree()
		}
	}
	return tree
}

// Append appends r as a JSON object: every field in the order of Fields, null
// when unset. Transient fields are left out, and so are extension fields while
// they have their default.
func Append(b []byte, r Record) []byte { return appendFields(b, r.Fields(), false) }

// Answer appends r as Append does, and shows the fields that are kept aside, too,
// and the old names of fields, with the values of those.
func Answer(b []byte, r Record) []byte { return appendFields(b, r.Fields(), true) }

func appendFields(b []byte, fields Fields, all bool) []byte {
	b = append(b, '{')
	first := true
	for _, f := range fields {
		d := f.declared()
		if d.isShorthand() && (!all || !d.isOldName()) || d.is(transient) && (!all || !d.is(aside)) {
			continue
		}
		start := len(b)
		if !first {
			b = append(b, ',')
		}
		b = append(appendString(b, d.name), ':')
		value := len(b)
		b = appendField(b, f, all)
		if d.is(extension) && string(b[value:]) == plainDefault(f) {
			b = b[:start]
			continue
		}
		first = false
	}
	return append(b, '}')
}

func appendField(b []byte, f Field, all bool) []byte {
	if v, ok := f.(*Value[Record]); ok && all {
		if c, ok := v.codec.(subCodec); ok {
			return appendFields(b, c.target().Fields(), true)
		}
	}
	return f.append(b)
}

// plainDefault returns the JSON of a field's default.
func plainDefault(f Field) string {
	var v any
	if f.declared().is(hasDefault) {
		v = f.defaultTree()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// appendString appends s as a JSON text. Bytes that are not UTF-8 stay as they
// are.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	plain := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[plain:i]...)
		plain = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(b, s[plain:]...), '"')
}

func appendFloat(b []byte, f float64) []byte {
	if a := math.Abs(f); a >= 1e21 || a != 0 && a < 1e-6 {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}
