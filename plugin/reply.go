package plugin

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// A Reply is an answer that a plugin gives instead of a target. It may be shared
// by many requests.
type Reply struct {
	Status int

	// Message goes into the body that the gateway's errors have, in the format that the client accepts.
	Message string

	// Body is the body as it is, and ContentType what it says: nothing when "". Without
	// Body and Message, an answer of 300 or more that is not Proxied has the body that
	// stands for its status, if there is one.
	Body        []byte
	ContentType string

	Headers []Field

	// Proxied makes the answer look like one of a target, as one from a cache is.
	Proxied bool
}

// A Field is a line of a head.
type Field struct{ Name, Value string }

// ContentTypeJSON is the type of the bodies that plugins make.
const ContentTypeJSON = "application/json; charset=utf-8"

// Message is a reply whose body is {"message":text} whatever the client accepts.
func Message(status int, text string) *Reply {
	return JSON(status, map[string]string{"message": text})
}

// JSON is a reply with v as its body. v must be something that JSON can tell.
func JSON(status int, v any) *Reply {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return internalError
	}
	return &Reply{Status: status, Body: bytes.TrimSuffix(b.Bytes(), []byte("\n")), ContentType: ContentTypeJSON}
}

// internalError is what clients see of a failure that is not theirs.
var internalError = &Reply{Status: 500, Message: "An unexpected error occurred"}

// InternalError is the reply for a failure that is not the client's. Its cause belongs in the log.
func InternalError() *Reply { return internalError }

// With returns the reply with one more field.
func (r *Reply) With(name, value string) *Reply {
	c := *r
	c.Headers = append(slices.Clip(c.Headers), Field{name, value})
	return &c
}

// Realm appends what the realm of a challenge looks like: scheme realm="…".
func Realm(scheme, realm string) string {
	if realm == "" {
		return scheme
	}
	return scheme + ` realm="` + realm + `"`
}

// Integer is n as the value of a field.
func Integer(n int64) string { return strconv.FormatInt(n, 10) }
