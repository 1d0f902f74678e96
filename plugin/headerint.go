package plugin

import "strconv"

// AddInt appends a line whose value is a number.
func (h *Header) AddInt(name string, n int64) {
	h.change()
	key := keep(h, name)
	at := len(h.memory)
	h.memory = strconv.AppendInt(h.memory, n, 10)
	h.lines = append(h.lines, Line{key, h.memory[at:len(h.memory):len(h.memory)], -1})
}
