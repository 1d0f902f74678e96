package plugin

import "slices"

// Lines are the lines of a head as they came.
type Lines interface {
	Len() int
	At(i int) (name, value []byte)
	// Find returns the index of the first line from i on that is called name, whatever the case, or -1.
	Find(name string, i int) int
}

// A Line is one line of a head.
type Line struct {
	Name, Value []byte
	Origin      int // which of the lines that came it is, -1 when it was added
}

// A Header is the fields of a head: those that came, with the changes that were
// made. Until the first change nothing is copied. A value that is set may come from anywhere: what would
// end its line becomes a blank.
type Header struct {
	base    Lines
	lines   []Line // stand for base when changed
	memory  []byte // of added text; what is in use stays valid when it grows
	changed bool
	early   bool // base still has to follow lines: nobody has looked at the fields since it came
}

// Begin makes h a view of base, which may be nil. It keeps the changes that were made
// before, if keep is true: they stand before the lines of base.
func (h *Header) Begin(base Lines, keep bool) {
	if !keep || !h.changed {
		h.base, h.lines, h.memory, h.changed, h.early = base, h.lines[:0], h.memory[:0], false, false
		return
	}
	h.base, h.early = base, true
}

// Early returns the lines that were set before those of base came, and whether nobody has looked at the
// fields since then: the fields are still these lines and base.
func (h *Header) Early() (lines []Line, untouched bool) {
	return h.lines, h.early || !h.changed
}

// settle lets base follow the lines that were set before it came.
func (h *Header) settle() {
	if h.early {
		h.early = false
		h.load()
	}
}

// Changed reports whether the fields differ from those that came.
func (h *Header) Changed() bool { return h.changed }

// Len returns the number of lines.
func (h *Header) Len() int {
	h.settle()
	switch {
	case h.changed:
		return len(h.lines)
	case h.base == nil:
		return 0
	}
	return h.base.Len()
}

// At returns line i.
func (h *Header) At(i int) Line {
	h.settle()
	if h.changed {
		return h.lines[i]
	}
	name, value := h.base.At(i)
	return Line{name, value, i}
}

// find returns the index of the first line from i on that is called name, or -1.
func (h *Header) find(name string, i int) int {
	h.settle()
	if h.changed {
		for ; i < len(h.lines); i++ {
			if equalFold(h.lines[i].Name, name) {
				return i
			}
		}
		return -1
	}
	if h.base == nil {
		return -1
	}
	return h.base.Find(name, i)
}

// Get returns the value of the first line called name, whatever the case; nil
// when there is none. The value of an empty line is not nil.
func (h *Header) Get(name string) []byte {
	i := h.find(name, 0)
	if i < 0 {
		return nil
	}
	if v := h.At(i).Value; v != nil {
		return v
	}
	return []byte{}
}

// Count returns how many lines are called name.
func (h *Header) Count(name string) int {
	n := 0
	for i := h.find(name, 0); i >= 0; i = h.find(name, i+1) {
		n++
	}
	return n
}

// Values returns the values of all lines called name. It allocates.
func (h *Header) Values(name string) []string {
	var values []string
	for i := h.find(name, 0); i >= 0; i = h.find(name, i+1) {
		values = append(values, string(h.At(i).Value))
	}
	return values
}

// Set makes value the only one of the field. It takes the place of the first line
// with this name, and keeps that one's spelling.
func (h *Header) Set(name, value string) {
	h.change()
	h.memory = append(h.memory, value...)
	h.set(name, len(value))
}

// SetBytes is Set for a value that is not kept.
func (h *Header) SetBytes(name string, value []byte) {
	h.change()
	h.memory = append(h.memory, value...)
	h.set(name, len(value))
}

// set makes the last n bytes of the memory the value of a field.
func (h *Header) set(name string, n int) {
	end := len(h.memory)
	value := clean(h.memory[end-n : end : end])
	i := h.find(name, 0)
	if i < 0 {
		h.lines = append(h.lines, Line{keep(h, name), value, -1})
		return
	}
	h.lines[i].Value = value
	h.removeFrom(name, i+1)
}

// Add appends a line.
func (h *Header) Add(name, value string) {
	h.change()
	h.lines = append(h.lines, Line{keep(h, name), clean(keep(h, value)), -1})
}

// Remove removes all lines called name, and reports whether there were any.
func (h *Header) Remove(name string) bool {
	i := h.find(name, 0)
	if i < 0 {
		return false
	}
	h.change()
	h.removeFrom(name, i)
	return true
}

// RemoveLine removes line i.
func (h *Header) RemoveLine(i int) {
	h.change()
	h.lines = append(h.lines[:i], h.lines[i+1:]...)
}

func (h *Header) removeFrom(name string, at int) {
	kept := h.lines[:at]
	for _, l := range h.lines[at:] {
		if !equalFold(l.Name, name) {
			kept = append(kept, l)
		}
	}
	h.lines = kept
}

func (h *Header) change() {
	h.settle()
	if !h.changed {
		h.load()
		h.changed = true
	}
}

// removeBase removes the lines that came.
func (h *Header) removeBase() {
	if h.early || !h.changed {
		h.base, h.early = nil, false
		return
	}
	h.base = nil
	h.lines = slices.DeleteFunc(h.lines, func(l Line) bool { return l.Origin >= 0 })
}

func (h *Header) load() {
	if h.base == nil {
		return
	}
	for i := range h.base.Len() {
		name, value := h.base.At(i)
		h.lines = append(h.lines, Line{name, value, i})
	}
}

// keep copies s into the memory of h.
func keep[V string | []byte](h *Header, s V) []byte {
	at := len(h.memory)
	h.memory = append(h.memory, s...)
	return h.memory[at:len(h.memory):len(h.memory)]
}

// clean makes value one that leaves its line whole (RFC 9110, section 5.5).
func clean(value []byte) []byte {
	for i, c := range value {
		if c < ' ' && (c == '\r' || c == '\n' || c == 0) {
			value[i] = ' '
		}
	}
	return value
}

// equalFold reports whether a and b are the same but for the case of ASCII letters.
func equalFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(b) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}
