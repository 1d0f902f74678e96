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
