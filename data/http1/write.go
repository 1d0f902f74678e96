package http1

import "net/http"

// AppendStatus appends the status line of HTTP/1.1. An empty reason stands for the usual one.
func AppendStatus(dst []byte, status int, reason []byte) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(dst, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10), ' ')
	if len(reason) == 0 {
		dst = append(dst, http.StatusText(status)...)
	} else {
		dst = append(dst, reason...)
	}
	return append(dst, "\r\n"...)
}

// AppendField appends a line of a head. Name and value must come from a parsed head or be known to be clean.
func AppendField[N, V ~string | ~[]byte](dst []byte, name N, value V) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// AppendInt appends n in decimal.
func AppendInt(dst []byte, n int64) []byte {
	var digits [20]byte
	i := len(digits)
	u := uint64(n)
	if n < 0 {
		dst = append(dst, '-')
		u = -u
	}
	for {
		i--
		digits[i] = byte('0' + u%10)
		u /= 10
		if u == 0 {
			return append(dst, digits[i:]...)
		}
	}
}

// AppendChunk appends p as a chunk; nothing when p is empty.
func AppendChunk(dst, p []byte) []byte {
	if len(p) == 0 {
		return dst
	}
	dst = AppendChunkHead(dst, len(p))
	dst = append(dst, p...)
	return append(dst, "\r\n"...)
}

// AppendChunkHead appends the line before a chunk of n bytes.
func AppendChunkHead(dst []byte, n int) []byte {
	const hex = "0123456789abcdef"
	var digits [16]byte
	i := len(digits)
	for u := uint(n); ; {
		i--
		digits[i] = hex[u&15]
		u >>= 4
		if u == 0 {
			break
		}
	}
	dst = append(dst, digits[i:]...)
	return append(dst, "\r\n"...)
}

// AppendLastChunk appends the end of a chunked body with the trailers, which may be nil.
func AppendLastChunk(dst []byte, trailers *Fields) []byte {
	dst = append(dst, "0\r\n"...)
	if trailers != nil {
		for i := range trailers.Len() {
			f := trailers.At(i)
			dst = AppendField(dst, f.Name, f.Value)
		}
	}
	return append(dst, "\r\n"...)
}
