package http1

// A Field is one line of a head: views into the buffer that holds it.
type Field struct {
	Name  []byte // as it came
	Value []byte // without the blanks around it
	ID    FieldID
	// Plain reports that Name has only letters, digits, '-' and '_'.
	Plain bool
}

// Fields are the lines of a head in the order in which they came.
type Fields struct {
	buf   []byte
	list  []span
	known [fieldIDs]uint16 // index+1 of the first line with this id
}

// A span is a field as offsets into Fields.buf. Heads are below 64 KiB.
type span struct {
	name, nameEnd   uint16
	value, valueEnd uint16
	next            uint16 // index+1 of the next line with the same known id
	tail            uint16 // in the first line with a known id: index+1 of the last one
	id              FieldID
	plain           bool
}

// Len returns the number of lines.
func (f *Fields) Len() int { return len(f.list) }

// At returns line i.
func (f *Fields) At(i int) Field {
	s := &f.list[i]
	return Field{
		Name:  f.buf[s.name:s.nameEnd:s.nameEnd],
		Value: f.buf[s.value:s.valueEnd:s.valueEnd],
		ID:    s.id,
		Plain: s.plain,
	}
}

// value returns the value of line i.
func (f *Fields) value(i int) []byte {
	s := &f.list[i]
	return f.buf[s.value:s.valueEnd:s.valueEnd]
}

// Has reports whether there is a line with this id.
func (f *Fields) Has(id FieldID) bool { return f.known[id] != 0 }

// Value returns the value of the first line with this id, nil when there is none.
// The value of a line that is empty is not nil.
func (f *Fields) Value(id FieldID) []byte {
	i := f.known[id]
	if i == 0 {
		return nil
	}
	return f.value(int(i) - 1)
}

// First returns the index of the first line with this id, -1 when there is none.
// Next goes on from there. Both are for known ids, not for OtherField.
func (f *Fields) First(id FieldID) int { return int(f.known[id]) - 1 }

// Next returns the index of the next line with the same known id as line i, or -1.
func (f *Fields) Next(i int) int { return int(f.list[i].next) - 1 }

// Lookup returns the value of the first line called name, whatever the case, nil when there is none.
func (f *Fields) Lookup(name string) []byte {
	if i := f.Find(name, 0); i >= 0 {
		return f.value(i)
	}
	return nil
}

// Find returns the index of the first line from i on that is called name, whatever the case, or -1.
func (f *Fields) Find(name string, i int) int {
	for ; i < len(f.list); i++ {
		s := &f.list[i]
		if int(s.nameEnd-s.name) == len(name) && EqualFold(f.buf[s.name:s.nameEnd], name) {
			return i
		}
	}
	return -1
}

// Names reports whether name is among the comma-separated tokens of the lines with this id,
// whatever the case. It answers "is this field named in Connection?".
func (f *Fields) Names(id FieldID, name []byte) bool {
	for i := f.First(id); i >= 0; i = f.Next(i) {
		if hasToken(f.value(i), name) {
			return true
		}
	}
	return false
}

// EqualFold reports whether a and b are the same but for the case of ASCII letters.
func EqualFold[A, B ~string | ~[]byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if x, y := a[i], b[i]; x != y && lower(x) != lower(y) {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b | 0x20
	}
	return b
}

// hasToken reports whether token is an element of the comma-separated list.
func hasToken[T ~string | ~[]byte](list []byte, token T) bool {
	for len(list) > 0 {
		var element []byte
		element, list = cutToken(list)
		if EqualFold(element, token) {
			return true
		}
	}
	return false
}

// cutToken returns the first element of a comma-separated list without blanks, and the rest.
func cutToken(list []byte) (element, rest []byte) {
	end := 0
	for end < len(list) && list[end] != ',' {
		end++
	}
	rest = list[min(end+1, len(list)):]
	return trim(list[:end]), rest
}

// trim cuts blanks and tabs from both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
