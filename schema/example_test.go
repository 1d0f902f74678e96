package schema

import (
	"encoding/json"
	"fmt"
)

// A limit is declared once, in Fields.
type limit struct {
	Unit    string
	Size    int
	Methods []string
}

func (l *limit) Fields() Fields {
	return Fields{
		String("unit", &l.Unit).Default("kilobytes").OneOf("kilobytes", "megabytes"),
		Number("size", &l.Size).Required().Between(1, 1000).Doc("Largest body, in units."),
		Set("methods", &l.Methods, func(p *string) *Value[string] {
			return String("", p).Match("^%u+$")
		}),
	}
}

func Example() {
	l := new(limit)
	fmt.Println(Decode(map[string]any{"size": json.Number("0"), "methods": []any{"GET", "post"}}, l))

	err := Decode(map[string]any{"size": json.Number("8"), "methods": []any{"GET", "GET"}}, l)
	fmt.Println(string(Append(nil, l)), err)

	err = Merge(map[string]any{"unit": "megabytes", "methods": nil}, l)
	fmt.Println(string(Append(nil, l)), err)

	// Output:
	// 2 schema violations (methods.2: invalid value: post; size: value should be between 1 and 1000)
	// {"unit":"kilobytes","size":8,"methods":["GET"]} <nil>
	// {"unit":"megabytes","size":8,"methods":null} <nil>
}
