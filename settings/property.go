package settings

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A property is the declaration of one setting, and how its text becomes a value.
type property struct {
	name     string
	kind     string // as the error text says it: string, number, boolean, array
	standard string // the default, as it would be written in the file
	enum     []string
	words    string
	own      bool // unknown to the reference
	hidden   bool // shown as ******
	dynamic  bool // can change without a restart
	idle     bool // accepted and shown, but nothing reads it

	// set converts text, stores it and returns what Map shows; nil is not shown. The error
	// follows the property's name, as in "is not a number: 'x'".
	set func(text string) (any, error)
}

func (p *property) byDefault(text string) *property     { p.standard = text; return p }
func (p *property) oneOf(words ...string) *property     { p.enum = words; return p }
func (p *property) secret() *property                   { p.hidden = true; return p }
func (p *property) live() *property                     { p.dynamic = true; return p }
func (p *property) ours() *property                     { p.own = true; return p }
func (p *property) doc(words string) *property          { p.words = words; return p }
func (p *property) between(low, high float64) *property { return p.bounded(low, high) }

// bounded adds a range to a property whose value is shown as a number.
func (p *property) bounded(low, high float64) *property {
	inner := p.set
	p.set = func(text string) (any, error) {
		if n, err := strconv.ParseFloat(text, 64); err == nil && (n < low || n > high) {
			if math.IsInf(high, 1) {
				return nil, fmt.Errorf("must be %v or greater", low)
			}
			return nil, fmt.Errorf("must be between %v and %v", low, high)
		}
		return inner(text)
	}
	return p
}

// apply sets the property from text.
func (p *property) apply(text string) (any, error) {
	if len(p.enum) > 0 {
		words := []string{text}
		if p.kind == "array" {
			words = split(text)
		}
		for _, w := range words {
			if !slices.Contains(p.enum, w) {
				return nil, fmt.Errorf("%s has an invalid value: '%s' (%s)", p.name, w, strings.Join(p.enum, ", "))
			}
		}
	}
	shown, err := p.set(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", p.name, err)
	}
	return shown, nil
}

// A typeError says that a text is not of the property's kind.
type typeError struct{ kind, text string }

func (e typeError) Error() string {
	article := "a"
	if e.kind == "array" {
		article = "an"
	}
	return fmt.Sprintf("is not %s %s: '%s'", article, e.kind, e.text)
}

// The functions below declare a property of one kind each. A nil pointer declares one that is
// accepted for compatibility only.

func text(name string, v *string) *property {
	return &property{name: name, kind: "string", idle: v == nil, set: func(text string) (any, error) {
		store(v, text)
		return shownText(text), nil
	}}
}

func number(name string, v *int) *property {
	return &property{name: name, kind: "number", idle: v == nil, set: func(text string) (any, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < math.MinInt32 || n > math.MaxInt32 {
			return nil, typeError{"number", text}
		}
		store(v, n)
		return n, nil
	}}
}

// fraction is a number that need not be whole. Nothing of ours reads one yet.
func fraction(name string) *property {
	return &property{name: name, kind: "number", idle: true, set: func(text string) (any, error) {
		f, err := parseDecimal(text)
		if err != nil {
			return nil, typeError{"number", text}
		}
		return f, nil
	}}
}

// units is a duration written as a number of units, fractions allowed.
func units(name string, v *time.Duration, unit time.Duration) *property {
	p := &property{name: name, kind: "number", idle: v == nil, set: func(text string) (any, error) {
		f, err := parseDecimal(text)
		if err != nil || f > float64(math.MaxInt64/4)/float64(unit) {
			return nil, typeError{"number", text}
		}
		store(v, time.Duration(f*float64(unit)))
		if f == math.Trunc(f) {
			return int64(f), nil
		}
		return f, nil
	}}
	return p.between(0, math.Inf(1))
}

func seconds(name string, v *time.Duration) *property      { return units(name, v, time.Second) }
func milliseconds(name string, v *time.Duration) *property { return units(name, v, time.Millisecond) }

func boolean(name string, v *bool) *property {
	return &property{name: name, kind: "boolean", idle: v == nil, set: func(text string) (any, error) {
		b, err := parseBool(text)
		if err != nil {
			return nil, err
		}
		store(v, b)
		return b, nil
	}}
}

// onOff is a boolean that is shown as the word.
func onOff(name string, v *bool) *property {
	p := boolean(name, v)
	inner := p.set
	p.set = func(text string) (any, error) {
		b, err := inner(text)
		if err != nil {
			return nil, err
		}
		if b == true {
			return "on", nil
		}
		return "off", nil
	}
	return p
}

func list(name string, v *[]string) *property {
	return &property{name: name, kind: "array", idle: v == nil, set: func(text string) (any, error) {
		items := split(text)
		store(v, items)
		return shownList(items), nil
	}}
}

// words is a list separated by spaces, shown as written.
func words(name string, v *[]string) *property {
	return &property{name: name, kind: "string", idle: v == nil, set: func(text string) (any, error) {
		store(v, strings.Fields(text))
		return shownText(text), nil
	}}
}

// size is a number of bytes with k, m or g behind it.
func size(name string, v *int64) *property {
	return &property{name: name, kind: "size", idle: v == nil, set: func(text string) (any, error) {
		n, err := parseSize(text)
		if err != nil {
			return nil, typeError{"size", text}
		}
		store(v, n)
		return shownText(text), nil
	}}
}

// duration is a time with a unit behind it, as in 1d or 75s.
func duration(name string, v *time.Duration) *property {
	return &property{name: name, kind: "time", idle: v == nil, set: func(text string) (any, error) {
		d, err := parseDuration(text)
		if err != nil {
			return nil, typeError{"time", text}
		}
		store(v, d)
		return shownText(text), nil
	}}
}

func logFile(name string, v *Log) *property {
	return &property{name: name, kind: "string", set: func(text string) (any, error) {
		l, err := parseLog(text)
		if err != nil {
			return nil, err
		}
		*v = l
		return shownText(text), nil
	}}
}

func listeners(name string, v *[]Listener) *property {
	return &property{name: name, kind: "array", set: func(text string) (any, error) {
		parsed, err := parseListeners(text, name == "stream_listen")
		if err != nil {
			return nil, err
		}
		*v = parsed
		return shownList(split(text)), nil
	}}
}

func store[T any](p *T, value T) {
	if p != nil {
		*p = value
	}
}

func shownText(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// shownList gives an empty list the form in which clients expect it: {}.
func shownList(items []string) any {
	if len(items) == 0 {
		return map[string]any{}
	}
	return items
}
