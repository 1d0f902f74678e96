// Package admin is the Admin API, through which people and programs change the
// configuration, and the Status API, through which they watch a node.
//
// The handlers walk the schemas of package entity: none of them is written for
// one kind of entity, and a kind that is added there has its collection, its
// nested paths and its schema endpoints here. What only targets do is in
// targets.go. A request that changes something is answered after the store
// has made the change durable and the local data plane runs with it.
package admin

import (
	"log/slog"
	"net/http"
	"time"

	"gibbon/control/declarative"
	"gibbon/control/events"
	"gibbon/control/store"
	"gibbon/entity"
	"gibbon/plugin"
	"gibbon/telemetry"
)

// Options is what the two APIs need of the rest of the program. Store, Kinds,
// Node.ID and Log are required.
type Options struct {
	Store store.Store
	Kinds entity.Kinds
	Node  Node
	Log   *slog.Logger

	Health    HealthSource          // nil: no balancer exists
	Traffic   TrafficSource         // nil: nothing is counted
	History   HistorySource         // nil: nothing is remembered
	Explainer Explainer             // nil: there is no POST /explain
	Events    *events.Bus           // nil: there is no /events
	Metrics   http.Handler          // serves /metrics; nil: there is no such path
	Status    StatusSource          // nil: all counters are 0
	Plugins   []plugin.Endpoint     // that plugins add
	Level     *telemetry.LevelVar   // of the error log; nil: it is notice and stays so
	Ready     func() (string, bool) // whether the proxy serves, and if not why; nil: it does

	// Declarative takes configurations as a whole and is then the only way to
	// change anything: its store is Store. nil means that each entity can be
	// written, and that there is no /config.
	Declarative *declarative.Node
	// Rejections are what GET /status tells of configuration that is not in force. nil: none is told.
	Rejections *Rejections

	// Configuration is the value of that name in GET /, with secrets already
	// made unreadable. nil stands for an empty object.
	Configuration func() map[string]any

	// The headers setting: whether answers carry X-Kong-Admin-Latency and Server.
	HideLatency, HideServer bool

	// GUIOrigins are the origins of admin_gui_url ("https://manager.test").
	// When there are none, the Manager is taken to be where it listens: at
	// GUIPorts of the host that the request names, or of this machine.
	GUIOrigins []string
	GUIPorts   []string
	// TrustedOrigins are further origins whose pages may use the API.
	TrustedOrigins []string
	// AllowedHosts are names under which a listener on a loopback address may
	// be asked, besides localhost, the machine's own name and any IP address.
	AllowedHosts []string

	// Tokens are those of which a client must have one; without any everybody who
	// reaches the Admin API may use it.
	Tokens []Token
	// MaxBody is the size of the largest body in bytes; 0 means 10 MiB.
	MaxBody int64

	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// A Node is the running program.
type Node struct {
	ID       string // UUID
	Hostname string
	Version  string // Gibbon's own; clients are told the version they know
	Store    string // "sqlite", "memory", "postgres"
	PID      int
}

// A StatusSource knows the counters of GET /status.
type StatusSource interface {
	ServerCounters() ServerCounters
}

// ServerCounters counts client connections of the proxy, and its requests.
type ServerCounters struct {
	Active, Reading, Writing, Waiting int64 // connections now, and what they do
	Accepted, Handled, Requests       int64 // since the start
}

// A HealthSource knows the balancers of this node.
type HealthSource interface {
	// UpstreamHealth is how a balancer sees its targets, or false when the
	// upstream has none yet.
	UpstreamHealth(upstreamID string) (UpstreamHealth, bool)
	// SetHealth marks the addresses of a target. An empty address means all of
	// them, another one is "ip:port"; one that the target does not have is
	// no error. Actor is who says so. It returns ErrNoBalancer or ErrNoHealthChecks.
	SetHealth(upstreamID, targetID, address string, healthy bool, actor string) error
}

// Verdicts in an UpstreamHealth.
const (
	Healthy   = "HEALTHY"
	Unhealthy = "UNHEALTHY"
	ChecksOff = "HEALTHCHECKS_OFF"
	DNSError  = "DNS_ERROR"
)

// An UpstreamHealth is the state of one balancer.
type UpstreamHealth struct {
	Verdict string // Healthy, Unhealthy or ChecksOff
	Healthy bool   // enough weight is available for the threshold, checks or not
	Weight  WeightHealth
	Pending int64          // requests that wait for a place
	Targets []TargetHealth // in the balancer's order
}

// A TargetHealth is the state of one target in a balancer.
type TargetHealth struct {
	ID        string // of the target
	Host      string
	Port      int
	DNS       string // record type that was answered, or what went wrong: "A", "dns server error: 3 name error"
	Weight    int    // as configured
	Verdict   string // Healthy, Unhealthy, ChecksOff or DNSError
	Available WeightHealth
	Addresses []AddressHealth
}

// An AddressHealth is the state of one address of a target.
type AddressHealth struct {
	IP      string
	Port    int
	Weight  int64
	Verdict string // Healthy, Unhealthy or ChecksOff
	Healthy bool   // it may be picked, checks or not
	Details *AddressDetails
}

// A WeightHealth sums up the weights of addresses.
type WeightHealth struct {
	Total       int64 `json:"total"`
	Available   int64 `json:"available"`
	Unavailable int64 `json:"unavailable"`
}
