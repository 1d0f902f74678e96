package router

import (
	"bytes"

	"gibbon/entity"
)

// A Rewrite makes the path that a request has when it goes to the service.
type Rewrite struct {
	base string // the service's path, escaped; at least "/"
	Handling
}

// A Handling is what a route has to say to the paths of its requests.
type Handling struct {
	Strip  bool // the matched part is removed
	joined bool // path_handling v1: nothing is put between base and rest
}

// NewHandling returns the handling of a route. Only flavour [Traditional] heeds its path_handling.
func NewHandling(f Flavour, r *entity.Route) Handling {
	return Handling{Strip: r.StripPath, joined: f == Traditional && r.PathHandling == "v1"}
}

// A Base is the path of a service, ready to have the paths of requests put after it.
type Base string

// NewBase compiles the path of a service; an empty one is "/".
func NewBase(servicePath string) Base {
	if servicePath == "" {
		return "/"
	}
	return Base(Escape(nil, servicePath))
}

// Rewrite returns the rewriting for a route of that handling whose service has this path.
func (b Base) Rewrite(h Handling) Rewrite { return Rewrite{string(b), h} }

// Append appends the upstream path of a request to dst, escaped. It takes the
// normal path that was matched and the length of its matched part, which is
// [Match.Prefix].
func (w *Rewrite) Append(dst, path []byte, matched int) []byte {
	dst = append(dst, w.base...)
	slash := w.base[len(w.base)-1] == '/' // base ends with a slash
	if !w.Strip {
		if !slash && !w.joined && len(path) > 1 {
			return Escape(dst, path)
		}
		return Escape(dst, path[1:])
	}
	rest := withoutDots(path[max(matched, 1):])
	begins := len(rest) > 0 && rest[0] == '/'
	switch {
	case slash && begins:
		dst = dst[:len(dst)-1]
	case w.joined:
	case len(rest) > 0:
		if !slash && !begins {
			dst = append(dst, '/')
		}
	case slash:
		if len(w.base) > 1 && path[len(path)-1] != '/' {
			dst = dst[:len(dst)-1]
		}
	case len(path) > 1 && path[len(path)-1] == '/':
		dst = append(dst, '/')
	}
	return Escape(dst, rest)
}

// withoutDots drops a dot segment at the beginning of what is left of a path
// when its matched part is removed: in front of it a slash would give it the
// power to leave the service's path.
func withoutDots(rest []byte) []byte {
	switch {
	case string(rest) == ".", string(rest) == "..":
		return nil
	case bytes.HasPrefix(rest, []byte("./")):
		return rest[2:]
	case bytes.HasPrefix(rest, []byte("../")):
		return rest[3:]
	}
	return rest
}
