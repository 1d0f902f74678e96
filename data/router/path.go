package router

import "gibbon/entity"

// ErrPath says that a request's path cannot be understood.
var ErrPath = errorString("malformed path")

type errorString string

func (e errorString) Error() string { return string(e) }

// Normalize brings the path of a request target (without query) into the form
// that routes are matched against. Percent-encoded characters are decoded unless they are reserved (RFC
// 3986, section 2.2) or the percent sign itself, whose escapes become upper
// case; dot segments are resolved and repeated slashes merged.
//
// A path that is normal already is returned as it is, which is the usual case;
// otherwise the result is written over dst, which grows when it is too small.
// A path that does not begin with a slash, a broken escape and %00 give ErrPath.
func Normalize(dst, raw []byte) ([]byte, error) {
	panic("skeleton")
}

// Decode is like [Normalize] but decodes every escape, also those of reserved
// characters, before it looks for slashes and dots, and drops a fragment: the
// form in which hash_on=path hashes a path.
func Decode(dst, raw []byte) ([]byte, error) {
	panic("skeleton")
}

// Escape appends path to dst with everything percent-encoded that may not stand
// in a request target or in a header's value.
func Escape[T ~string | ~[]byte](dst []byte, path T) []byte {
	panic("skeleton")
}

// A Rewrite makes the path of the request that goes to the service.
type Rewrite struct {
	base   string // the service's path, at least "/"
	strip  bool
	joined bool // path_handling v1: no slash is put between service path and rest
}

// NewRewrite compiles the rewriting for a route and the path of its service.
// Only the flavour Traditional heeds a route's path_handling.
func NewRewrite(f Flavour, r *entity.Route, servicePath string) Rewrite {
	panic("skeleton")
}

// Append appends the upstream path of a request to dst, escaped. The path is the one
// that was matched, and matched the length of the part that the route's path
// stands for ([Match.Prefix]).
func (w *Rewrite) Append(dst, path []byte, matched int) []byte {
	panic("skeleton")
}
