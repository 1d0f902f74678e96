package http1

import (
	"encoding/binary"
	"math/rand/v2"
)

// frames follows the frames of a WebSocket (RFC 6455, section 5.2) in one direction,
// to know where one ends. It looks at heads only.
type frames struct {
	left   uint64   // bytes of the payload that are to come
	head   [14]byte // as much as there is of a head
	n      int
	closed bool // a close frame was seen: nothing may follow it
}

// pass looks at the next bytes and returns where in p the last frame that ends in
// them is over; 0 when p begins between two frames and none ends; -1 when a frame
// that began before does not end.
func (f *frames) pass(p []byte) (end int) {
	end = -1
	if f.between() {
		end = 0
	}
	for at := 0; at < len(p); {
		if f.left > 0 {
			n := min(f.left, uint64(len(p)-at))
			f.left -= n
			at += int(n)
		} else {
			f.head[f.n] = p[at]
			f.n++
			at++
			f.begin()
		}
		if f.between() {
			end = at
		}
	}
	return end
}

func (f *frames) between() bool { return f.left == 0 && f.n == 0 }

// begin turns to the payload when the head is complete.
func (f *frames) begin() {
	if f.n < 2 {
		return
	}
	size, length := 2, uint64(f.head[1]&0x7f)
	switch length {
	case 126:
		size = 4
	case 127:
		size = 10
	}
	masked := f.head[1]&0x80 != 0
	whole := size
	if masked {
		whole += 4
	}
	if f.n < whole {
		return
	}
	switch size {
	case 4:
		length = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 10:
		length = binary.BigEndian.Uint64(f.head[2:])
	}
	f.closed = f.closed || f.head[0]&0x0f == opClose
	f.left, f.n = length, 0
}

const (
	opClose     = 8
	goingAway   = 1001 // RFC 6455, section 7.4.1
	finalFrame  = 0x80
	maskedFrame = 0x80
)

// closeFrame is a close frame with a code. What a client sends is masked.
func closeFrame(code uint16, masked bool) []byte {
	frame := []byte{finalFrame | opClose, 2}
	payload := binary.BigEndian.AppendUint16(nil, code)
	if masked {
		frame[1] |= maskedFrame
		mask := binary.BigEndian.AppendUint32(nil, rand.Uint32())
		frame = append(frame, mask...)
		payload[0] ^= mask[0]
		payload[1] ^= mask[1]
	}
	return append(frame, payload...)
}
