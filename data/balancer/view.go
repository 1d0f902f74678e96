package balancer

import (
	"time"

	"gibbon/data/health"
)

// Verdicts of targets, addresses and balancers, as the Admin API words them.
const (
	Healthy   = "HEALTHY"
	Unhealthy = "UNHEALTHY"
	ChecksOff = "HEALTHCHECKS_OFF"
	DNSError  = "DNS_ERROR"
)

// Health is how an upstream fares at one moment.
type Health struct {
	Verdict   string // Healthy, Unhealthy or ChecksOff
	Healthy   bool   // whether enough weight is available, checks or not
	Weight    Weight
	Targets   []TargetHealth // in order of creation
	Algorithm string
}

// Weight is how much of the weight there is can be used.
type Weight struct {
	Total, Available, Unavailable int64
}

// TargetHealth is how one target fares.
type TargetHealth struct {
	ID        string
	Host      string // without port
	Port      uint16
	Weight    int
	DNS       string // type of the records, or the resolver's error
	Verdict   string // Healthy, Unhealthy, ChecksOff or DNSError
	Available Weight
	Addresses []AddressHealth
}

// AddressHealth is how one address fares.
type AddressHealth struct {
	IP       string // in brackets for IPv6; a name when it is resolved per request
	Port     uint16
	Weight   int64
	Verdict  string // Healthy, Unhealthy or ChecksOff
	Healthy  bool   // whether it may be picked, checks or not
	Subject  health.View
	InFlight int64
	Totals   Totals
}

// Totals count what an address has done since it came into being.
type Totals struct {
	Requests     uint64
	HTTPFailures uint64 // answers with 500 to 599
	TCPFailures  uint64
	Timeouts     uint64
	LastFailure  time.Time // zero when there was none
}
