package telemetry

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// A clockText keeps the text of the current second, which most entries share.
type clockText struct {
	second   int64
	combined []byte // 24/Nov/2026:06:20:42 +0000
	iso      []byte // 2026-11-24T06:20:42
	zone     []byte // Z or +01:00
}

func (c *clockText) set(t time.Time) {
	if second := t.Unix(); second != c.second || c.combined == nil {
		c.second = second
		c.combined = t.AppendFormat(c.combined[:0], "02/Jan/2006:15:04:05 -0700")
		c.iso = t.AppendFormat(c.iso[:0], "2006-01-02T15:04:05")
		c.zone = t.AppendFormat(c.zone[:0], "Z07:00")
	}
}

// appendCombined adds a line of the combined format.
func appendCombined(dst []byte, e *Entry, clock *clockText, withID bool) []byte {
	clock.set(e.Time)
	if e.Client.IsValid() {
		dst = e.Client.AppendTo(dst)
	} else {
		dst = append(dst, '-')
	}
	dst = append(dst, " - "...)
	dst = appendOrDash(dst, e.User)
	dst = append(append(append(dst, " ["...), clock.combined...), `] "`...)
	if len(e.Request) == 0 && len(e.Method) > 0 {
		dst = append(appendEscaped(dst, e.Method), ' ')
		dst = append(appendEscaped(dst, e.URI), ' ')
		dst = append(dst, e.Proto...)
	} else {
		dst = appendEscaped(dst, e.Request)
	}
	dst = append(dst, `" `...)
	dst = append(strconv.AppendInt(dst, int64(e.Status), 10), ' ')
	dst = append(strconv.AppendInt(dst, e.BodyBytes, 10), ` "`...)
	dst = append(appendOrDash(dst, e.Referer), `" "`...)
	dst = append(appendOrDash(dst, e.UserAgent), '"')
	if withID {
		dst = append(dst, ` kong_request_id: "`...)
		dst = append(appendOrDash(dst, e.RequestID), '"')
	}
	return append(dst, '\n')
}

func appendOrDash(dst, value []byte) []byte {
	if len(value) == 0 {
		return append(dst, '-')
	}
	return appendEscaped(dst, value)
}

const hexDigits = "0123456789ABCDEF"

// appendEscaped writes quotes, backslashes and everything but printable ASCII as \xHH, as
// the reference does, so that no value ends its field or its line.
func appendEscaped(dst, value []byte) []byte {
	start := 0
	for i, c := range value {
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, value[start:i]...)
		dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		start = i + 1
	}
	return append(dst, value[start:]...)
}

// appendJSON adds a line with one object.
func appendJSON(dst []byte, e *Entry, clock *clockText) []byte {
	clock.set(e.Time)
	dst = append(append(dst, `{"time":"`...), clock.iso...)
	dst = append(appendThreeDigits(append(dst, '.'), e.Time.Nanosecond()/1e6), clock.zone...)
	dst = append(dst, '"')
	if e.Client.IsValid() {
		dst = append(e.Client.AppendTo(append(dst, `,"client":"`...)), '"')
	}
	dst = appendField(dst, `,"user":"`, e.User)
	if len(e.Method) > 0 {
		dst = appendField(dst, `,"method":"`, e.Method)
		dst = appendField(dst, `,"uri":"`, e.URI)
		dst = appendField(dst, `,"proto":"`, e.Proto)
	} else {
		dst = appendField(dst, `,"request":"`, e.Request)
	}
	dst = appendField(dst, `,"host":"`, e.Host)
	dst = strconv.AppendInt(append(dst, `,"status":`...), int64(e.Status), 10)
	dst = strconv.AppendInt(append(dst, `,"body_bytes":`...), e.BodyBytes, 10)
	dst = strconv.AppendInt(append(dst, `,"bytes_in":`...), e.BytesIn, 10)
	dst = strconv.AppendInt(append(dst, `,"bytes_out":`...), e.BytesOut, 10)
	dst = appendField(dst, `,"referer":"`, e.Referer)
	dst = appendField(dst, `,"user_agent":"`, e.UserAgent)
	dst = appendField(dst, `,"request_id":"`, e.RequestID)
	dst = appendField(dst, `,"service":"`, e.Service)
	dst = appendField(dst, `,"route":"`, e.Route)
	dst = appendField(dst, `,"upstream":"`, e.Upstream)
	dst = appendField(dst, `,"target":"`, e.Target)
	dst = appendTries(dst, e.Tries)
	dst = appendMilliseconds(append(dst, `,"latencies":{"request":`...), e.Latencies.Request)
	dst = appendMilliseconds(append(dst, `,"kong":`...), e.Latencies.Kong)
	if e.Latencies.Upstream >= 0 {
		dst = appendMilliseconds(append(dst, `,"upstream":`...), e.Latencies.Upstream)
		dst = appendMilliseconds(append(dst, `,"receive":`...), e.Latencies.Receive)
	}
	dst = append(dst, '}')
	dst = appendField(dst, `,"reason":"`, e.Reason)
	return append(dst, "}\n"...)
}

func appendTries(dst []byte, tries []Try) []byte {
	if len(tries) == 0 {
		return dst
	}
	dst = append(dst, `,"tries":[`...)
	for i := range tries {
		t := &tries[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		if t.Address.IsValid() {
			dst = append(t.Address.AppendTo(append(dst, `"address":"`...)), `",`...)
		}
		if t.Status != 0 {
			dst = append(strconv.AppendInt(append(dst, `"status":`...), int64(t.Status), 10), ',')
		}
		dst = appendMilliseconds(append(dst, `"latency":`...), t.Latency)
		dst = append(appendField(dst, `,"failure":"`, t.Failure), '}')
	}
	return append(dst, ']')
}

// appendField adds a string member unless the value is empty. Before is a comma, the name
// and the quote that opens the value.
func appendField[T string | []byte](dst []byte, before string, value T) []byte {
	if len(value) == 0 {
		return dst
	}
	dst = append(dst, before...)
	start := 0
	for i := 0; i < len(value); {
		c := value[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		width := 1
		if c >= utf8.RuneSelf {
			width = validRune(value[i:min(i+utf8.UTFMax, len(value))])
		}
		if width > 1 {
			i += width
			continue
		}
		dst = append(dst, value[start:i]...)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= utf8.RuneSelf:
			dst = append(dst, `\ufffd`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, value[start:]...), '"')
}

// validRune returns the length of the rune with which value begins, or 1 when it is broken.
func validRune[T string | []byte](value T) int {
	var b [utf8.UTFMax]byte
	n := copy(b[:], value)
	_, width := utf8.DecodeRune(b[:n])
	return width
}

// appendMilliseconds writes d with three decimals, negative durations as 0.
func appendMilliseconds(dst []byte, d time.Duration) []byte {
	micro := max(d, 0).Microseconds()
	dst = strconv.AppendInt(dst, micro/1000, 10)
	return appendThreeDigits(append(dst, '.'), int(micro%1000))
}

func appendThreeDigits(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
}
