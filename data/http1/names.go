package http1

import "encoding/binary"

// A FieldID names a well-known field, so that it is found without comparing names.
type FieldID uint8

// The well-known fields. A field without an id of its own has OtherField.
const (
	OtherField                FieldID = iota
	AcceptField                       // Accept
	AcceptEncodingField               // Accept-Encoding
	AgeField                          // Age
	AuthorizationField                // Authorization
	CacheControlField                 // Cache-Control
	ConnectionField                   // Connection
	ContentEncodingField              // Content-Encoding
	ContentLengthField                // Content-Length
	ContentTypeField                  // Content-Type
	CookieField                       // Cookie
	DateField                         // Date
	ETagField                         // ETag
	ExpectField                       // Expect
	ExpiresField                      // Expires
	ForwardedField                    // Forwarded
	GRPCStatusField                   // Grpc-Status
	HostField                         // Host
	HTTP2SettingsField                // HTTP2-Settings
	IfMatchField                      // If-Match
	IfModifiedSinceField              // If-Modified-Since
	IfNoneMatchField                  // If-None-Match
	KeepAliveField                    // Keep-Alive
	LastModifiedField                 // Last-Modified
	LocationField                     // Location
	OriginField                       // Origin
	ProxyField                        // Proxy
	ProxyAuthenticateField            // Proxy-Authenticate
	ProxyAuthorizationField           // Proxy-Authorization
	ProxyConnectionField              // Proxy-Connection
	RangeField                        // Range
	RefererField                      // Referer
	ServerField                       // Server
	SetCookieField                    // Set-Cookie
	TEField                           // TE
	TrailerField                      // Trailer
	TransferEncodingField             // Transfer-Encoding
	UpgradeField                      // Upgrade
	UserAgentField                    // User-Agent
	VaryField                         // Vary
	ViaField                          // Via
	XAccelBufferingField              // X-Accel-Buffering
	XForwardedForField                // X-Forwarded-For
	XForwardedHostField               // X-Forwarded-Host
	XForwardedPathField               // X-Forwarded-Path
	XForwardedPortField               // X-Forwarded-Port
	XForwardedPrefixField             // X-Forwarded-Prefix
	XForwardedProtoField              // X-Forwarded-Proto
	XKongProxyLatencyField            // X-Kong-Proxy-Latency
	XKongRequestIDField               // X-Kong-Request-Id
	XKongResponseLatencyField         // X-Kong-Response-Latency
	XKongUpstreamLatencyField         // X-Kong-Upstream-Latency
	XKongUpstreamStatusField          // X-Kong-Upstream-Status
	XRealIPField                      // X-Real-IP

	fieldIDs // how many there are
)

// fieldNames are the names of the well-known fields.
var fieldNames = [fieldIDs]string{
	AcceptField:               "Accept",
	AcceptEncodingField:       "Accept-Encoding",
	AgeField:                  "Age",
	AuthorizationField:        "Authorization",
	CacheControlField:         "Cache-Control",
	ConnectionField:           "Connection",
	ContentEncodingField:      "Content-Encoding",
	ContentLengthField:        "Content-Length",
	ContentTypeField:          "Content-Type",
	CookieField:               "Cookie",
	DateField:                 "Date",
	ETagField:                 "ETag",
	ExpectField:               "Expect",
	ExpiresField:              "Expires",
	ForwardedField:            "Forwarded",
	GRPCStatusField:           "Grpc-Status",
	HostField:                 "Host",
	HTTP2SettingsField:        "HTTP2-Settings",
	IfMatchField:              "If-Match",
	IfModifiedSinceField:      "If-Modified-Since",
	IfNoneMatchField:          "If-None-Match",
	KeepAliveField:            "Keep-Alive",
	LastModifiedField:         "Last-Modified",
	LocationField:             "Location",
	OriginField:               "Origin",
	ProxyField:                "Proxy",
	ProxyAuthenticateField:    "Proxy-Authenticate",
	ProxyAuthorizationField:   "Proxy-Authorization",
	ProxyConnectionField:      "Proxy-Connection",
	RangeField:                "Range",
	RefererField:              "Referer",
	ServerField:               "Server",
	SetCookieField:            "Set-Cookie",
	TEField:                   "TE",
	TrailerField:              "Trailer",
	TransferEncodingField:     "Transfer-Encoding",
	UpgradeField:              "Upgrade",
	UserAgentField:            "User-Agent",
	VaryField:                 "Vary",
	ViaField:                  "Via",
	XAccelBufferingField:      "X-Accel-Buffering",
	XForwardedForField:        "X-Forwarded-For",
	XForwardedHostField:       "X-Forwarded-Host",
	XForwardedPathField:       "X-Forwarded-Path",
	XForwardedPortField:       "X-Forwarded-Port",
	XForwardedPrefixField:     "X-Forwarded-Prefix",
	XForwardedProtoField:      "X-Forwarded-Proto",
	XKongProxyLatencyField:    "X-Kong-Proxy-Latency",
	XKongRequestIDField:       "X-Kong-Request-Id",
	XKongResponseLatencyField: "X-Kong-Response-Latency",
	XKongUpstreamLatencyField: "X-Kong-Upstream-Latency",
	XKongUpstreamStatusField:  "X-Kong-Upstream-Status",
	XRealIPField:              "X-Real-IP",
}

// String returns the usual spelling of the field's name, "" for OtherField.
func (id FieldID) String() string { return fieldNames[id] }

// IDOf returns the id of a field name, OtherField when it is not a well-known one.
func IDOf(name []byte) FieldID { return fieldID(name, 0, len(name)) }

// fieldIndex maps nameHash to the only well-known field with that hash.
var fieldIndex = indexNames()

// nameHash mixes length, first, middle and last but one letter without regard to case. The factors
// are chosen so that no two well-known names share a hash; indexNames checks that.
func nameHash(first, middle, late byte, length int) uint32 {
	return (uint32(first|0x20)*nameFactor1 + uint32(middle|0x20)*nameFactor2 + uint32(late|0x20)*nameFactor3 + uint32(length)*nameFactor4) >> 4 & 511
}

const (
	nameFactor1 = 3425
	nameFactor2 = 1597
	nameFactor3 = 1773
	nameFactor4 = 2489
)

func indexNames() *[512]FieldID {
	var index [512]FieldID
	for id := OtherField + 1; id < fieldIDs; id++ {
		name := fieldNames[id]
		slot := &index[nameHash(name[0], name[len(name)/2], name[len(name)-2], len(name))]
		if *slot != OtherField {
			panic("nameHash does not tell " + name + " from " + fieldNames[*slot])
		}
		*slot = id
	}
	return &index
}

// A foldedName is a well-known name as three words: its first eight bytes, its last eight, and the eight
// from the ninth on, with 0x20 set in every byte. Of a shorter name only first is used.
type foldedName struct {
	length              int
	first, last, middle uint64
}

var foldedNames = foldNames()

func foldNames() *[fieldIDs]foldedName {
	var folded [fieldIDs]foldedName
	for id := OtherField + 1; id < fieldIDs; id++ {
		name := []byte(fieldNames[id])
		n := len(name)
		if n > 24 {
			panic(fieldNames[id] + " is too long for foldedName")
		}
		f := foldedName{length: n, first: fold(binary.LittleEndian.Uint64(append(name, 0, 0, 0, 0, 0, 0, 0, 0)))}
		if n < 8 {
			f.first &= 1<<(8*n) - 1
		} else {
			f.last = fold(binary.LittleEndian.Uint64(name[n-8:]))
		}
		if n > 16 {
			f.middle = fold(binary.LittleEndian.Uint64(name[8:]))
		}
		folded[id] = f
	}
	return &folded
}

// fold sets 0x20 in every byte, which makes letters lower case. It makes an uppercase
// letter equal to a lower-case one, and a control character to a hyphen or digit: see fieldID.
func fold(x uint64) uint64 { return x | ones*0x20 }

// fieldID returns the id of the field name b[at:end], OtherField when it is not a well-known one
// (or no name at all). It reads whole words, beyond end too, but compares only the name.
func fieldID(b []byte, at, end int) FieldID {
	n := end - at
	if n < 2 || n > 24 {
		return OtherField
	}
	id := fieldIndex[nameHash(b[at], b[at+n/2], b[end-2], n)]
	known := &foldedNames[id]
	if known.length != n {
		return OtherField
	}
	var first uint64
	if at+8 <= len(b) {
		first = binary.LittleEndian.Uint64(b[at:])
	} else {
		for i, c := range b[at:end] {
			first |= uint64(c) << (8 * i)
		}
	}
	if n < 8 {
		first &= 1<<(8*n) - 1
		if fold(first)&(1<<(8*n)-1) != known.first || below(first|^uint64(0)<<(8*n), 0x20) != 0 {
			return OtherField
		}
		return id
	}
	last := binary.LittleEndian.Uint64(b[end-8:])
	if fold(first) != known.first || fold(last) != known.last || below(first, 0x20)|below(last, 0x20) != 0 {
		return OtherField
	}
	if n > 16 {
		middle := binary.LittleEndian.Uint64(b[at+8:])
		if fold(middle) != known.middle || below(middle, 0x20) != 0 {
			return OtherField
		}
	}
	return id
}
