package health

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/net/http2/hpack"
)

// The gRPC health protocol is one request of HTTP/2 with two small messages. That
// much of HTTP/2 (RFC 9113) is here: no more than a probe needs, and within bounds.
const (
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	frameData         = 0
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameContinuation = 9

	flagAck        = 1
	flagEndStream  = 1
	flagEndHeaders = 4
	flagPadded     = 8
	flagPriority   = 32

	maxFrame   = 16 << 10
	maxFrames  = 64      // of an answer
	maxStreams = 1 << 30 // of a connection
)

// A servingError says that a server does not serve, in its own words.
type servingError struct{ text string }

func (e *servingError) Error() string { return e.text }

// checkGRPC calls grpc.health.v1.Health/Check. An answer other than SERVING is a
// *servingError; the status is that of HTTP.
func (p *probe) checkGRPC(ctx context.Context, s *session, k Key) (status int, again bool, err error) {
	if err = p.allow(ctx, s); err == nil {
		_, err = s.Write(p.grpcRequest(s, k))
	}
	if err != nil {
		return 0, false, fail("send", err)
	}
	if err = p.allow(ctx, s); err != nil {
		return 0, false, fail("receive", err)
	}
	a := grpcAnswer{stream: s.stream}
	if err = a.read(s); err != nil {
		return 0, false, err
	}
	return a.status, p.keep && !a.last && s.stream < maxStreams, a.verdict()
}

// grpcRequest returns the frames of the next request on a connection, with all that
// goes before on a new one.
func (p *probe) grpcRequest(s *session, k Key) []byte {
	var out []byte
	if s.stream == 0 {
		out = append(out, preface...)
		out = appendFrame(out, frameSettings, 0, 0, []byte{0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0}) // no table, no push
		s.stream = 1
	} else {
		s.stream += 2
	}
	var head bytes.Buffer
	e := hpack.NewEncoder(&head)
	e.SetMaxDynamicTableSize(0) // what was said before need not be remembered
	scheme := "http"
	if p.kind == "grpcs" {
		scheme = "https"
	}
	field := func(name, value string) {
		_ = e.WriteField(hpack.HeaderField{Name: name, Value: value}) // a buffer takes everything
	}
	field(":method", "POST")
	field(":scheme", scheme)
	field(":path", "/grpc.health.v1.Health/Check")
	field(":authority", p.hostHeader(k))
	field("content-type", "application/grpc")
	field("te", "trailers")
	for _, h := range p.fields {
		field(h[0], h[1])
	}
	out = appendFrame(out, frameHeaders, flagEndHeaders, s.stream, head.Bytes())
	message := []byte(nil)
	if p.service != "" {
		message = binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(p.service)))
		message = append(message, p.service...)
	}
	body := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	return appendFrame(out, frameData, flagEndStream, s.stream, append(body, message...))
}

func appendFrame(out []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	out = append(out, byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), kind, flags)
	return append(binary.BigEndian.AppendUint32(out, stream), payload...)
}

// A grpcAnswer is what comes back.
type grpcAnswer struct {
	stream uint32
	status int    // of HTTP
	code   string // grpc-status
	text   string // grpc-message
	data   []byte
	last   bool // the connection takes no further request
}

// read reads frames until the answer is complete.
func (a *grpcAnswer) read(s *session) error {
	var block []byte
	decoder := hpack.NewDecoder(0, a.field)
	decoder.SetMaxStringLength(maxProbeBody)
	end := false
	for range maxFrames {
		kind, flags, stream, payload, err := readFrame(s.reader())
		if err != nil {
			return err
		}
		switch {
		case kind == frameSettings && flags&flagAck == 0:
			err = a.reply(s, frameSettings, nil)
		case kind == framePing && flags&flagAck == 0 && len(payload) == 8:
			err = a.reply(s, framePing, payload)
		case kind == frameGoAway:
			if a.last = true; len(payload) >= 8 && binary.BigEndian.Uint32(payload)&^(1<<31) < a.stream {
				err = fail("receive", errGoAway)
			}
		case stream != a.stream:
		case kind == frameReset:
			err = fail("receive", errReset)
		case kind == frameData:
			end = flags&flagEndStream != 0
			if payload, err = unpad(payload, flags, 0); err == nil && len(a.data)+len(payload) <= maxFrame {
				a.data = append(a.data, payload...)
			}
		case kind == frameHeaders || kind == frameContinuation:
			if kind == frameHeaders {
				end = flags&flagEndStream != 0
				priority := 0
				if flags&flagPriority != 0 {
					priority = 5
				}
				payload, err = unpad(payload, flags, priority)
			}
			if block = append(block, payload...); err != nil || flags&flagEndHeaders == 0 {
				break
			}
			if _, err = decoder.Write(block); err != nil || decoder.Close() != nil {
				return errAnswer
			}
			block = block[:0]
			if end {
				return nil
			}
		}
		if err != nil {
			return err
		}
		if end && kind == frameData {
			return nil
		}
	}
	return errAnswer
}

var (
	errGoAway = errors.New("the server takes no more requests")
	errReset  = errors.New("the server reset the stream")
)

func (a *grpcAnswer) reply(s *session, kind byte, payload []byte) error {
	if _, err := s.Write(appendFrame(nil, kind, flagAck, 0, payload)); err != nil {
		return fail("send", err)
	}
	return nil
}

func (a *grpcAnswer) field(f hpack.HeaderField) {
	switch f.Name {
	case ":status":
		if n, err := strconv.Atoi(f.Value); err == nil {
			a.status = n
		}
	case "grpc-status":
		a.code = f.Value
	case "grpc-message":
		a.text = f.Value
	}
}

// readFrame reads one frame. What is no HTTP/2 is an errAnswer.
func readFrame(r io.Reader) (kind, flags byte, stream uint32, payload []byte, err error) {
	var head [9]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, 0, 0, nil, fail("receive", err)
	}
	size := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	if size > maxFrame {
		return 0, 0, 0, nil, errAnswer // also an answer in HTTP/1.1
	}
	payload = make([]byte, size)
	if _, err = io.ReadFull(r, payload); err != nil {
		return 0, 0, 0, nil, fail("receive", err)
	}
	return head[3], head[4], binary.BigEndian.Uint32(head[5:]) &^ (1 << 31), payload, nil
}

// unpad removes padding, and what stands before the payload proper.
func unpad(payload []byte, flags byte, skip int) ([]byte, error) {
	padding := 0
	if flags&flagPadded != 0 {
		if len(payload) == 0 {
			return nil, errAnswer
		}
		padding, payload = int(payload[0]), payload[1:]
	}
	if len(payload) < skip+padding {
		return nil, errAnswer
	}
	return payload[skip : len(payload)-padding], nil
}

// servingNames are the values of HealthCheckResponse.ServingStatus.
var servingNames = [...]string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}

// verdict is nil for SERVING.
func (a *grpcAnswer) verdict() error {
	switch {
	case a.status != 200:
		return &servingError{fmt.Sprintf("HTTP status %d", a.status)}
	case a.code != "0" && a.code != "":
		return &servingError{"grpc-status " + a.code + ": " + a.text}
	}
	serving, ok := parseServing(a.data)
	switch {
	case a.code == "" || !ok:
		return errAnswer
	case serving == 1:
		return nil
	case serving < uint64(len(servingNames)):
		return &servingError{servingNames[serving]}
	}
	return &servingError{fmt.Sprintf("serving status %d", serving)}
}

// parseServing finds the field 1 of the one message in data, 0 when it is absent.
func parseServing(data []byte) (serving uint64, ok bool) {
	if len(data) < 5 || data[0] != 0 || int(binary.BigEndian.Uint32(data[1:])) != len(data)-5 {
		return 0, false // no message, more than one, or a compressed one
	}
	for m := data[5:]; len(m) > 0; {
		tag, n := binary.Uvarint(m)
		if n <= 0 {
			return 0, false
		}
		m = m[n:]
		v, n := binary.Uvarint(m)
		if n <= 0 {
			return 0, false
		}
		m = m[n:]
		switch tag & 7 {
		case 0:
			if tag>>3 == 1 {
				serving = v
			}
		case 2:
			if v > uint64(len(m)) {
				return 0, false
			}
			m = m[v:]
		default:
			return 0, false
		}
	}
	return serving, true
}
