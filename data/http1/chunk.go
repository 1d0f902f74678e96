package http1

// A chunkState is where in a chunked body (RFC 9112, section 7.1) a decoder stands.
type chunkState uint8

const (
	chunkSize    chunkState = iota // before the first digit of a size
	chunkDigits                    // behind at least one digit
	chunkExt                       // in a chunk extension, which is skipped
	chunkSizeLF                    // behind the CR of a size line
	chunkData                      // in the data; left says how much is left
	chunkDataCR                    // behind the data
	chunkDataLF                    // behind the CR after the data
	trailerStart                   // at the start of a trailer line
	trailerLine                    // in a trailer line
	trailerLF                      // behind the CR of a trailer line
	trailerEnd                     // behind the CR of the empty line
	chunkEnd                       // behind everything
)

const (
	maxChunkExt = 4 << 10 // bytes of one chunk's extensions
	maxTrailer  = 8 << 10 // bytes of a trailer section
)

// chunks decodes a chunked body piece by piece, without needing any part of it in one buffer.
type chunks struct {
	left  int64 // of the present chunk's data; while its size is read: the size
	count int   // digits or bytes of the present size, extension or trailer section
	state chunkState
}

// next takes framing off in until it comes to data, of which it returns at most limit bytes, to the
// end of in, or to the end of the body (state chunkEnd). Trailer lines are appended to trail unless that is nil.
func (k *chunks) next(in []byte, limit int, trail *[]byte) (piece, rest []byte, bad fault) {
	for i, c := range in {
		switch k.state {
		case chunkSize, chunkDigits:
			if bad = k.size(c); bad != noFault {
				return nil, in, bad
			}
		case chunkExt:
			if bad = k.ext(c); bad != noFault {
				return nil, in, bad
			}
		case chunkSizeLF:
			if c != '\n' {
				return nil, in, badChunk
			}
			k.state, k.count = chunkData, 0
			if k.left == 0 {
				k.state = trailerStart
			}
		case chunkData:
			n := min(int(min(k.left, int64(limit))), len(in)-i)
			if k.left -= int64(n); k.left == 0 {
				k.state = chunkDataCR
			}
			return in[i : i+n : i+n], in[i+n:], noFault
		case chunkDataCR:
			if c != '\r' {
				return nil, in, badChunk
			}
			k.state = chunkDataLF
		case chunkDataLF:
			if c != '\n' {
				return nil, in, badChunk
			}
			k.state = chunkSize
		default:
			if bad = k.trailer(c, trail); bad != noFault {
				return nil, in, bad
			}
			if k.state == chunkEnd {
				return nil, in[i+1:], noFault
			}
		}
	}
	return nil, nil, noFault
}

// size takes a character of 1*HEXDIG. It takes nothing else before CR or ';': a sign, an
// underscore or a blank let two parsers disagree on where a body ends, which is how requests are
// smuggled (RFC 9112, section 11.2). At most 15 digits, so the size always fits an int64.
func (k *chunks) size(c byte) fault {
	if k.state == chunkSize {
		k.left, k.count = 0, 0
		if !isHex(c) {
			return badChunk
		}
		k.state = chunkDigits
	}
	switch {
	case isHex(c):
		if k.count++; k.count > 15 {
			return badChunk
		}
		digit := c - '0'
		if digit > 9 {
			digit = c | 0x20 - 'a' + 10
		}
		k.left = k.left<<4 | int64(digit)
	case c == '\r':
		k.state = chunkSizeLF
	case c == ';':
		k.state, k.count = chunkExt, 0
	default:
		return badChunk
	}
	return noFault
}

// ext skips a character of a chunk extension.
func (k *chunks) ext(c byte) fault {
	k.count++
	switch {
	case c == '\r':
		k.state = chunkSizeLF
	case c == '\n', c == 0, k.count > maxChunkExt:
		return badChunk
	}
	return noFault
}

// trailer takes a character of the trailer section. Its lines are judged when it is complete.
func (k *chunks) trailer(c byte, trail *[]byte) fault {
	if trail != nil {
		*trail = append(*trail, c)
	}
	if k.count++; k.count > maxTrailer {
		return badTrailer
	}
	switch k.state {
	case trailerStart:
		k.state = trailerLine
		if c == '\r' {
			k.state = trailerEnd
		}
	case trailerLine:
		if c == '\r' {
			k.state = trailerLF
		}
	case trailerLF:
		if c != '\n' {
			return badTrailer
		}
		k.state = trailerStart
	case trailerEnd:
		if c != '\n' {
			return badTrailer
		}
		k.state = chunkEnd
	default:
	}
	if c == '\n' && k.state == trailerLine {
		return badTrailer
	}
	return noFault
}

// whole reports whether in holds the rest of the body.
func (k chunks) whole(in []byte) bool {
	for len(in) > 0 && k.state != chunkEnd {
		var bad fault
		if _, in, bad = k.next(in, len(in), nil); bad != noFault {
			return true // nothing more needs to be waited for
		}
	}
	return k.state == chunkEnd
}
