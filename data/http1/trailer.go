package http1

// keepTrailers takes out of f what must not stand in a trailer section. Some receivers merge it into
// the head: so nothing passes that frames or routes a message, says who sent it, or changes what it
// means (RFC 9110, 6.5.1), nor what this gateway vouches for in the head.
func (f *Fields) keepTrailers() {
	all := f.list
	f.list = f.list[:0]
	clear(f.known[:])
	for _, s := range all {
		if !mayTrail(f.buf[s.name:s.nameEnd], s.id, s.plain) {
			continue
		}
		k := f.add(s.id) // at the place of s, or before it
		s.next, s.tail = k.next, k.tail
		*k = s
	}
}

// mayTrail reports whether a field may stand in a trailer section. Of the fields that this package
// knows few may.
func mayTrail(name []byte, id FieldID, plain bool) bool {
	if !plain {
		return false
	}
	if id != OtherField {
		return id == ETagField || id == GRPCStatusField
	}
	for _, refused := range [...]string{
		"Content-Range", "If-Range", "If-Unmodified-Since", "Max-Forwards", "Pragma", "Retry-After", "WWW-Authenticate",
	} {
		if EqualFold(name, refused) {
			return false
		}
	}
	for _, prefix := range [...]string{"X-Forwarded-", "X-Kong-", "X-Consumer-", "X-Credential-", "X-Authenticated-", "X-Anonymous-"} {
		if len(name) > len(prefix) && EqualFold(name[:len(prefix)], prefix) {
			return false
		}
	}
	return true
}
