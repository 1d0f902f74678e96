package declarative

import (
	"maps"
	"slices"
	"strconv"

	"gibbon/schema"
)

// An InvalidError is all that is wrong with a file.
type InvalidError struct {
	// Fields are the messages, nested as the file is: objects by key, lists by
	// place, with nil where nothing is wrong.
	Fields map[string]any

	items []*Item // that the file has
	root  *fault
}

// Error returns "declarative config is invalid: {…}".
func (e *InvalidError) Error() string {
	return "declarative config is invalid: " + schema.Notation(e.Fields)
}

// A fault is a node of the messages while they are collected.
type fault struct {
	message  any // a text, or messages as they come from schema
	members  map[string]*fault
	elements map[int]*fault
}

// below returns the node at a path, which it makes.
func (f *fault) below(path ...any) *fault {
	for _, step := range path {
		var next *fault
		switch step := step.(type) {
		case string:
			if next = f.members[step]; next == nil {
				next = new(fault)
				if f.members == nil {
					f.members = map[string]*fault{}
				}
				f.members[step] = next
			}
		case int:
			if next = f.elements[step]; next == nil {
				next = new(fault)
				if f.elements == nil {
					f.elements = map[int]*fault{}
				}
				f.elements[step] = next
			}
		}
		f = next
	}
	return f
}

// find returns the node at a path, or nil.
func (f *fault) find(path ...any) *fault {
	for _, step := range path {
		if f == nil {
			return nil
		}
		switch step := step.(type) {
		case string:
			f = f.members[step]
		case int:
			f = f.elements[step]
		}
	}
	return f
}

// set puts a message at a path.
func (f *fault) set(message any, path ...any) { f.below(path...).message = message }

// add puts the messages of an entity at its node.
func (f *fault) add(messages map[string]any) {
	for name, m := range messages {
		f.set(m, name)
	}
}

func (f *fault) empty() bool {
	return f == nil || f.message == nil && len(f.members) == 0 && len(f.elements) == 0
}

// value is the tree of messages below f.
func (f *fault) value() any {
	switch {
	case f.message != nil:
		return f.message
	case len(f.members) == 0 && len(f.elements) > 0:
		last := slices.Max(slices.Collect(maps.Keys(f.elements)))
		list := make([]any, last+1)
		for i, e := range f.elements {
			list[i] = e.value()
		}
		return list
	}
	return f.object()
}

func (f *fault) object() map[string]any {
	o := make(map[string]any, len(f.members)+len(f.elements))
	for name, m := range f.members {
		o[name] = m.value()
	}
	for i, e := range f.elements {
		o[strconv.Itoa(i+1)] = e.value()
	}
	return o
}
