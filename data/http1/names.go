package http1

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

// fieldID returns the id of a name that consists of token characters. For these, OR 0x20
// folds the case of letters and maps no two of the others that well-known names use to each other.
func fieldID(name []byte) FieldID {
	n := len(name)
	if n < 2 {
		return OtherField
	}
	id := fieldIndex[nameHash(name[0], name[n/2], name[n-2], n)]
	known := fieldNames[id]
	if len(known) != n {
		return OtherField
	}
	for i := range n {
		if name[i]|0x20 != known[i]|0x20 {
			return OtherField
		}
	}
	return id
}
