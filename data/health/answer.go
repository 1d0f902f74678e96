package health

import (
	"bytes"
	"strconv"
)

// Bounds of an answer after which a connection may be used again.
const (
	maxKeptHead = 8 << 10
	maxKeptBody = 16 << 10
)

// What judge says of the connection that an answer came through.
const (
	unusable   = iota // or what came so far does not tell
	incomplete        // it may be used again when all of the answer has come
	usable
)

// judge finds the status in as much of an answer as has come; done is false as long as
// its first line is not complete. If the connection is to be kept, it also tells
// whether it can be: the target has agreed in so many words, and the answer
// ends where it says. All else is not worth the trouble, nor the risk to take
// the rest of one answer for the next.
func judge(answer []byte, method string, keep bool) (status, connection int, done bool, err error) {
	line, rest, found := bytes.Cut(answer, []byte("\n"))
	if !found && len(answer) < maxStatusLine {
		return 0, unusable, false, nil
	}
	if status, err = parseStatus(line); err != nil || !found || !keep || status < 200 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return status, unusable, true, err
	}
	length, agreed := -1, false
	for {
		if line, rest, found = bytes.Cut(rest, []byte("\n")); !found {
			if len(answer) > maxKeptHead {
				return status, unusable, true, nil
			}
			return status, incomplete, true, nil
		}
		if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.Trim(value, " \t")
		switch {
		case bytes.EqualFold(name, []byte("Connection")):
			if agreed = bytes.EqualFold(value, []byte("keep-alive")); !agreed {
				return status, unusable, true, nil
			}
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length >= 0 {
				return status, unusable, true, nil
			}
			if length = lengthOf(value); length < 0 {
				return status, unusable, true, nil
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")), !token(name):
			return status, unusable, true, nil
		}
	}
	if method == "HEAD" || status == 204 || status == 304 {
		length = 0
	}
	switch {
	case !agreed || length < 0 || length > maxKeptBody || len(rest) > length:
		return status, unusable, true, nil
	case len(rest) < length:
		return status, incomplete, true, nil
	}
	return status, usable, true, nil
}

// lengthOf returns the value of Content-Length, or -1 when it is none.
func lengthOf(value []byte) int {
	n, err := strconv.ParseUint(string(value), 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// token reports whether the name of a header is one that nobody can misread.
func token(name []byte) bool {
	for _, c := range name {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return len(name) > 0
}
