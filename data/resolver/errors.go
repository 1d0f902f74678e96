package resolver

import (
	"fmt"

	"github.com/miekg/dns"
)

// An Error is a lookup that failed. Its text is that of the reference gateway.
type Error struct {
	Name     string
	Text     string
	NotFound bool // the name does not exist, or has no records of the types asked for
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

const (
	textEmpty       = "dns client error: 101 empty record received"
	textRecursion   = "recursion detected"
	textInvalidName = "dns client error: invalid name"
)

// serverError makes an error of the code in a server's answer.
func serverError(code int) *Error {
	text, ok := map[int]string{
		dns.RcodeFormatError:    "format error",
		dns.RcodeServerFailure:  "server failure",
		dns.RcodeNameError:      "name error",
		dns.RcodeNotImplemented: "not implemented",
		dns.RcodeRefused:        "refused",
	}[code]
	if !ok {
		text = "unknown"
	}
	return &Error{Text: fmt.Sprintf("dns server error: %d %s", code, text), NotFound: code == dns.RcodeNameError}
}
