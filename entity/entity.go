// Package entity declares what can be configured: services, routes, upstreams
// and targets. Entities know neither plane and do no I/O.
package entity

// The zero value of a field stands for null wherever the field's rules exclude
// it as a value: an empty string, a nil slice or map, an empty foreign key.
// Numbers and booleans that may be null are pointers.

// A Service is one upstream API that routes send requests to.
type Service struct {
	ID                string
	CreatedAt         int64 // Unix seconds
	UpdatedAt         int64 // Unix seconds
	Tags              []string
	Name              string
	Retries           *int
	Protocol          string
	Host              string // an upstream's name, a host name or an address
	Port              int
	Path              string
	ConnectTimeout    *int64 // milliseconds
	WriteTimeout      *int64 // milliseconds
	ReadTimeout       *int64 // milliseconds
	ClientCertificate string // id of a certificate
	TLSVerify         *bool
	TLSVerifyDepth    *int
	CACertificates    []string
	Enabled           bool
}

// A Route says which requests a service gets.
type Route struct {
	ID                      string
	CreatedAt               int64 // Unix seconds
	UpdatedAt               int64 // Unix seconds
	Tags                    []string
	Name                    string
	Protocols               []string
	Methods                 []string
	Hosts                   []string
	Paths                   []string // a prefix, or "~" and a regular expression
	Headers                 map[string][]string
	SNIs                    []string
	Sources                 []Endpoint
	Destinations            []Endpoint
	HTTPSRedirectStatusCode int
	RegexPriority           *int
	StripPath               bool
	PathHandling            string
	PreserveHost            bool
	RequestBuffering        bool
	ResponseBuffering       bool
	Service                 string // id of a service
}

// An Endpoint is one end of a connection: an address or block, a port, or both.
type Endpoint struct {
	IP   string
	Port *int
}

// An Upstream is a virtual host name whose targets share the load.
type Upstream struct {
	ID                     string
	CreatedAt              int64 // Unix seconds
	UpdatedAt              int64 // Unix seconds
	Tags                   []string
	Name                   string
	Algorithm              string
	HashOn                 string
	HashFallback           string
	HashOnHeader           string
	HashFallbackHeader     string
	HashOnCookie           string
	HashOnCookiePath       string
	HashOnQueryArg         string
	HashFallbackQueryArg   string
	HashOnURICapture       string
	HashFallbackURICapture string
	Slots                  *int
	Healthchecks           Healthchecks
	HostHeader             string
	ClientCertificate      string // id of a certificate
	UseSRVName             *bool
}

// Healthchecks says how the targets of an upstream are judged.
type Healthchecks struct {
	Active    ActiveChecks
	Passive   PassiveChecks
	Threshold *float64 // percent of the weight that must be available
}

// ActiveChecks are probes that the gateway sends by itself.
type ActiveChecks struct {
	Type                   string
	Timeout                *float64 // seconds
	Concurrency            *int64
	HTTPPath               string
	HTTPSSNI               string
	HTTPSVerifyCertificate bool
	Headers                map[string][]string
	Healthy                ActiveHealthy
	Unhealthy              ActiveUnhealthy
}

// ActiveHealthy is when a probe counts as a success.
type ActiveHealthy struct {
	Interval     *float64 // seconds; 0 switches the probing of healthy targets off
	HTTPStatuses []int
	Successes    *int
}

// ActiveUnhealthy is when a probe counts as a failure.
type ActiveUnhealthy struct {
	Interval     *float64 // seconds; 0 switches the probing of unhealthy targets off
	HTTPStatuses []int
	TCPFailures  *int
	Timeouts     *int
	HTTPFailures *int
}

// PassiveChecks judge by the answers to proxied requests.
type PassiveChecks struct {
	Type      string
	Healthy   PassiveHealthy
	Unhealthy PassiveUnhealthy
}

// PassiveHealthy is when an answer counts as a success.
type PassiveHealthy struct {
	HTTPStatuses []int
	Successes    *int
}

// PassiveUnhealthy is when an answer counts as a failure.
type PassiveUnhealthy struct {
	HTTPStatuses []int
	TCPFailures  *int
	Timeouts     *int
	HTTPFailures *int
}

// A Target is one server of an upstream.
type Target struct {
	ID        string
	CreatedAt float64 // Unix seconds with milliseconds
	UpdatedAt float64 // Unix seconds with milliseconds
	Tags      []string
	Upstream  string // id of an upstream
	Target    string // host:port
	Weight    int
}
