package settings

import (
	"fmt"
	"strconv"
	"strings"
)

// Properties whose value has a form of its own.

// workers is auto or a number; 0 in *v stands for auto.
func workers(name string, v *int) *property {
	return &property{name: name, kind: "number", set: func(text string) (any, error) {
		if text == "auto" {
			*v = 0
			return text, nil
		}
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return nil, typeError{"number", text}
		}
		*v = int(n)
		return text, nil
	}}
}

// headerBuffers is a number and a size, as in 4 8k.
func headerBuffers(name string, s *Settings) *property {
	return &property{name: name, kind: "string", set: func(text string) (any, error) {
		count, bytes, _ := strings.Cut(text, " ")
		n, err := strconv.ParseUint(count, 10, 16)
		size, err2 := parseSize(strings.TrimSpace(bytes))
		if err != nil || err2 != nil || n == 0 || size < 1<<10 || size > 1<<24 {
			return nil, fmt.Errorf("must be a number of buffers and their size between 1k and 16m, got '%s'", text)
		}
		s.LargeHeaderBuffers, s.LargeHeaderBufferSize = int(n), size
		return text, nil
	}}
}

// validTTL is a number of seconds that may be unset, which differs from 0.
func validTTL(name string, d *DNS) *property {
	p := seconds(name, &d.ValidTTL)
	inner := p.set
	p.set = func(text string) (any, error) {
		shown, err := inner(text)
		d.HasValidTTL = err == nil
		return shown, err
	}
	return p
}
