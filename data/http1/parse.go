package http1

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// A fault is why a head or a chunk is refused. The zero value means none.
type fault uint8

const (
	noFault            fault = iota
	needMore                 // not a fault: the line is not complete yet
	bareLF                   // LF without CR
	bareCR                   // CR without LF
	nulByte                  // NUL in a value
	emptyName                // a line that begins with a colon
	badName                  // a character that no field name may have, a blank before the colon included
	noColon                  // a line without colon
	obsFold                  // a line that begins with a blank
	lineTooLong              // a field line beyond Limits.Line
	headTooLong              // the head beyond Limits.Head
	tooManyFields            // beyond Limits.Fields
	badRequestLine           // anything but method SP target SP version
	badMethod                // not upper case
	badTarget                // empty, with blanks or controls, or of an unknown form
	targetTooLong            // the request line beyond Limits.Line
	badVersion               // no HTTP/1 version
	newVersion               // HTTP/2 and above, as text
	badStatusLine            // anything but version SP status [SP reason]
	noHost                   // HTTP/1.1 without Host
	twoHosts                 // several
	badHost                  // not host [":" port]
	badLength                // not 1*DIGIT
	twoLengths               // several
	lengthAndCoding          // two framings
	codingInOldVersion       // Transfer-Encoding in HTTP/1.0
	twoCodings               // several Transfer-Encoding lines
	unknownCoding            // not exactly "chunked"
	badChunk                 // a chunk's head or end is wrong
	badTrailer               // a trailer line is wrong
	forbiddenMethod          // TRACE, CONNECT
	slowHead                 // not complete in time
	slowBody                 // not complete in time
	plainOnTLS               // plain HTTP on a TLS port
	faults
)

// faultWords gives each fault its Reason and the status that refuses a request with it.
var faultWords = [faults]ProtocolError{
	bareLF:             {400, "bare_lf"},
	bareCR:             {400, "bare_cr"},
	nulByte:            {400, "nul_in_value"},
	emptyName:          {400, "empty_field_name"},
	badName:            {400, "bad_field_name"},
	noColon:            {400, "no_colon"},
	obsFold:            {400, "folded_field"},
	lineTooLong:        {StatusHeadTooLarge, "field_too_long"},
	headTooLong:        {StatusHeadTooLarge, "head_too_long"},
	tooManyFields:      {StatusHeadTooLarge, "too_many_fields"},
	badRequestLine:     {400, "bad_request_line"},
	badMethod:          {400, "bad_method"},
	badTarget:          {400, "bad_target"},
	targetTooLong:      {414, "target_too_long"},
	badVersion:         {400, "bad_version"},
	newVersion:         {505, "unsupported_version"},
	badStatusLine:      {400, "bad_status_line"},
	noHost:             {400, "no_host"},
	twoHosts:           {400, "two_hosts"},
	badHost:            {400, "bad_host"},
	badLength:          {400, "bad_content_length"},
	twoLengths:         {400, "two_content_lengths"},
	lengthAndCoding:    {400, "te_and_cl"},
	codingInOldVersion: {400, "te_in_http_1_0"},
	twoCodings:         {400, "two_transfer_encodings"},
	unknownCoding:      {501, "unknown_transfer_encoding"},
	badChunk:           {400, "bad_chunk"},
	badTrailer:         {400, "bad_trailer"},
	forbiddenMethod:    {405, "forbidden_method"},
	slowHead:           {408, "slow_head"},
	slowBody:           {408, "slow_body"},
	plainOnTLS:         {400, "plain_http_on_tls_port"},
}

// refusal returns the error that refuses a request for f. It is shared: do not change it.
func (f fault) refusal() *ProtocolError { return &faultWords[f] }

// reason returns the word for f.
func (f fault) reason() string { return faultWords[f].Reason }

// Classes of characters.
const (
	classToken  = 1 << iota // may stand in a field name (RFC 9110, section 5.6.2)
	classPlain              // letter, digit, '-' or '_'
	classMethod             // upper-case letter, '-' or '_'
	classHost               // may stand in a reg-name (RFC 3986, section 3.2.2) and the reference accepts it
)

var classes = classify()

func classify() *[256]byte {
	var t [256]byte
	for b := range 128 {
		c := byte(b)
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		switch {
		case letter, digit, c == '-', c == '_':
			t[b] = classToken | classPlain | classHost
		case c == '!' || c == '#' || c == '$' || c == '%' || c == '&' || c == '\'' || c == '*' || c == '+' || c == '.' || c == '^' || c == '`' || c == '|' || c == '~':
			t[b] = classToken
		}
		switch c {
		case '.', '~', '%', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=':
			t[b] |= classHost
		}
		if 'A' <= c && c <= 'Z' || c == '-' || c == '_' {
			t[b] |= classMethod
		}
	}
	return &t
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// below marks the bytes of x less than n (1 to 128) by their high bits; marks above the
// lowest one may be false.
func below(x uint64, n byte) uint64 { return (x - ones*uint64(n)) & ^x & highs }

// valueEnd returns the index of the first NUL, CR or LF in b from i on, or len(b).
func valueEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		mark := below(binary.LittleEndian.Uint64(b[i:]), ' ')
		if mark == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(mark) >> 3
		if c := b[i]; c == '\r' || c == '\n' || c == 0 {
			return i
		}
		i++
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '\r' || c == '\n' || c == 0 {
			return i
		}
	}
	return i
}

// targetEnd returns the index of the first blank, control or DEL in b from i on, or len(b).
func targetEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		mark := below(x, ' '+1) | below(x^ones*0x7f, 1)
		if mark != 0 {
			return i + bits.TrailingZeros64(mark)>>3
		}
		i += 8
	}
	for ; i < len(b); i++ {
		if b[i] <= ' ' || b[i] == 0x7f {
			return i
		}
	}
	return i
}

// lineEnd checks that b continues with CRLF at i and returns the index behind it.
func lineEnd(b []byte, i int) (int, fault) {
	switch {
	case i >= len(b):
		return i, needMore
	case b[i] == '\n':
		return i, bareLF
	case b[i] == 0:
		return i, nulByte
	case b[i] != '\r':
		return i, bareCR
	case i+1 >= len(b):
		return i, needMore
	case b[i+1] != '\n':
		return i, bareCR
	}
	return i + 2, noFault
}

// parseLines parses the field lines of a head from at on, where a line begins. It returns
// the index behind the empty line that ends them. With needMore it returns where the
// incomplete line begins: call again from there when more has arrived. b and what
// was parsed before must not have moved, only grown (f.buf may be another array).
func (f *Fields) parseLines(b []byte, at int, lim *Limits) (int, fault) {
	f.buf = b
	for {
		if at+1 < len(b) && b[at] == '\r' && b[at+1] == '\n' {
			if at+2 > lim.Head {
				return at, headTooLong
			}
			return at + 2, noFault
		}
		next, bad := f.parseLine(b, at)
		if bad == noFault || bad == needMore {
			end := next
			if bad == needMore {
				end = len(b)
			}
			switch {
			case end-at > lim.Line:
				return at, lineTooLong
			case end > lim.Head:
				return at, headTooLong
			case len(f.list) > lim.Fields:
				return at, tooManyFields
			}
		}
		if bad != noFault {
			return at, bad
		}
		at = next
	}
}

// parseLine parses one field line, adds it to f and returns the index behind it.
func (f *Fields) parseLine(b []byte, at int) (int, fault) {
	nameEnd := colon(b, at)
	id, plain := fieldID(b, at, nameEnd), true
	if id == OtherField {
		class := byte(classToken | classPlain)
		for i, c := range b[at:nameEnd] {
			k := classes[c]
			if k&classToken == 0 {
				return at, nameFault(b, at, at+i)
			}
			class &= k
		}
		if nameEnd == len(b) {
			return at, needMore
		}
		if nameEnd == at {
			return at, emptyName
		}
		plain = class&classPlain != 0
	}
	i := nameEnd + 1
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	value := i
	i = valueEnd(b, i)
	next := i + 2
	if next > len(b) || b[i] != '\r' || b[i+1] != '\n' {
		_, bad := lineEnd(b, i)
		return at, bad
	}
	if next > maxHead {
		return at, headTooLong
	}
	for i > value && (b[i-1] == ' ' || b[i-1] == '\t') {
		i--
	}
	s := f.add(id)
	s.name, s.nameEnd, s.value, s.valueEnd = uint16(at), uint16(nameEnd), uint16(value), uint16(i)
	s.plain = plain
	return next, noFault
}

// colon returns the index of the first colon in b from i on, or len(b).
func colon(b []byte, i int) int {
	for i+8 <= len(b) {
		if mark := below(binary.LittleEndian.Uint64(b[i:])^ones*':', 1); mark != 0 {
			return i + bits.TrailingZeros64(mark)>>3
		}
		i += 8
	}
	for i < len(b) && b[i] != ':' {
		i++
	}
	return i
}

// nameFault says what is wrong with a line whose name ends at i without a colon.
func nameFault(b []byte, at, i int) fault {
	switch c := b[i]; {
	case i == at && (c == ' ' || c == '\t'):
		return obsFold
	case c == '\n':
		return bareLF
	case c == '\r' && i+1 == len(b):
		return needMore
	case c == '\r' && b[i+1] == '\n':
		return noColon
	}
	return badName
}

// add appends a line, and links it behind the last one with the same id. The caller fills in the rest.
func (f *Fields) add(id FieldID) *span {
	n := len(f.list)
	if n == cap(f.list) {
		f.list = slices.Grow(f.list, max(n, 32))
	}
	f.list = f.list[:n+1]
	s := &f.list[n]
	s.next, s.tail, s.id = 0, 0, id
	if id == OtherField {
		return s
	}
	index := uint16(n + 1)
	if f.known[id] == 0 {
		f.known[id] = index
		return s
	}
	first := &f.list[f.known[id]-1]
	if first.next == 0 {
		first.next = index
	} else {
		f.list[first.tail-1].next = index
	}
	first.tail = index
	return s
}

// reset forgets all lines and keeps the memory.
func (f *Fields) reset() {
	f.buf = nil
	f.list = f.list[:0]
	clear(f.known[:])
}

// maxHead is the largest head that offsets of 16 bits can describe.
const maxHead = 1<<16 - 1

// parseLength parses a Content-Length: digits only, so few that the value fits an int64
// (RFC 9112, section 6.3).
func parseLength(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// parseFraming judges Content-Length and Transfer-Encoding together: at most one of them, at
// most once (RFC 9112, section 6.3). length is -1 when there is neither.
func (f *Fields) parseFraming(minor int) (length int64, chunked bool, bad fault) {
	length = -1
	if i := f.First(ContentLengthField); i >= 0 {
		if f.Next(i) >= 0 {
			return 0, false, twoLengths
		}
		var ok bool
		if length, ok = parseLength(f.value(i)); !ok {
			return 0, false, badLength
		}
	}
	i := f.First(TransferEncodingField)
	switch {
	case i < 0:
		return length, false, noFault
	case f.Next(i) >= 0:
		return 0, false, twoCodings
	case minor == 0:
		return 0, false, codingInOldVersion
	case !EqualFold(f.value(i), "chunked"):
		return 0, false, unknownCoding
	case length >= 0:
		return 0, false, lengthAndCoding
	}
	return -1, true, noFault
}

// options are the tokens of Connection that mean something here.
type options struct{ close, keepAlive, upgrade, names bool }

func (f *Fields) parseConnection() (o options) {
	for i := f.First(ConnectionField); i >= 0; i = f.Next(i) {
		list := f.value(i)
		if len(list) == len("keep-alive") && EqualFold(list, "keep-alive") {
			o.keepAlive = true
			continue
		}
		for len(list) > 0 {
			var token []byte
			token, list = cutToken(list)
			switch {
			case EqualFold(token, "keep-alive"):
				o.keepAlive = true
			case EqualFold(token, "close"):
				o.close = true
			case EqualFold(token, "upgrade"):
				o.upgrade = true
			case len(token) > 0 && !EqualFold(token, "te"):
				o.names = true
			}
		}
	}
	return o
}
