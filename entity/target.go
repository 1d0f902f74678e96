package entity

import (
	"errors"
	"strconv"

	"gibbon/schema"
)

// A Target is one server of an upstream.
type Target struct {
	ID        string
	CreatedAt float64 // Unix seconds with milliseconds
	UpdatedAt float64 // Unix seconds with milliseconds
	Tags      []string
	Upstream  string // id of an upstream
	Target    string // host:port
	Weight    int

	// What the reference does not know.
	State        string
	Failover     bool
	Priority     int     // of its tier; 0 is used first
	DrainTimeout float64 // seconds; 0 is for ever
	MaxRequests  int     // in flight; 0 is no limit

	MaxConnections int    // 0 is no limit
	MaxPending     int    // requests that may wait while all targets are at their limits
	Zone           string // where the target is
}

// What an operator wants of a target.
const (
	TargetActive      = "active"
	TargetDraining    = "draining"    // no new clients; bound sessions stay
	TargetMaintenance = "maintenance" // nothing new at all
	TargetDisabled    = "disabled"    // as if it did not exist, but kept
	TargetHealthy     = "healthy"     // everything, whatever health checks say
	TargetUnhealthy   = "unhealthy"   // down, whatever health checks say
)

// defaultTargetPort is the port of a target that names none.
const defaultTargetPort = 8000

// Kind returns "targets".
func (*Target) Kind() string { return "targets" }

// Key returns the id.
func (t *Target) Key() string { return t.ID }

// SetKey sets the id.
func (t *Target) SetKey(id string) { t.ID = id }

// Fields declares the fields of a target.
func (t *Target) Fields() schema.Fields {
	return schema.Fields{
		id(&t.ID),
		schema.Created("created_at", &t.CreatedAt).
			Doc("When this happened, in Unix seconds with milliseconds as fraction; set by the gateway."),
		schema.Updated("updated_at", &t.UpdatedAt).
			Doc("When this happened, in Unix seconds with milliseconds as fraction; set by the gateway."),
		schema.Foreign("upstream", &t.Upstream, "upstreams").Required().OnDelete(schema.Cascade).By("name").
			Doc("The upstream that this target belongs to."),
		schema.String("target", &t.Target).Required().Check(checkTarget).
			Doc("Where it listens: an address or a host name, and a port (8000 unless given)."),
		schema.Number("weight", &t.Weight).Default(100).Between(0, 65535).NotNull().
			Doc("Its share of the load in proportion to the weights of the others, 0 to 65535; 0 takes none."),
		tags(&t.Tags),
		schema.String("state", &t.State).Extension().Required().Default(TargetActive).
			OneOf(TargetActive, TargetDraining, TargetMaintenance, TargetDisabled, TargetHealthy, TargetUnhealthy).
			Doc("What may go to the target: everything, bound sessions only, or nothing new; or how healthy it is said to be."),
		schema.Number("drain_timeout", &t.DrainTimeout).Extension().Required().Default(0).Between(0, 604800).
			Doc("Seconds after which a target that is draining or in maintenance is cut off from what still runs there; 0 is never."),
		schema.Bool("failover", &t.Failover).Extension().Required().Default(false).
			Doc("Used only while no other target is available."),
		schema.Number("priority", &t.Priority).Extension().Required().Default(0).Between(0, 127).
			Doc("The tier of the target; 0 is used first, others take what the ones before cannot bear."),
		schema.Number("max_requests", &t.MaxRequests).Extension().Required().Default(0).Between(0, 1<<30).
			Doc("Most requests in flight on each address of the target; 0 is no limit."),
		schema.Number("max_connections", &t.MaxConnections).Extension().Required().Default(0).Between(0, 1<<30).
			Doc("Most connections to each address of the target; 0 is no limit."),
		schema.Number("max_pending", &t.MaxPending).Extension().Required().Default(0).Between(0, 1<<20).
			Doc("How many requests each address of the target adds to those that may wait while all are at their limits."),
		schema.String("zone", &t.Zone).Extension().Is(schema.LenMin(1)).
			Doc("The zone that the target is in; gateways prefer targets of their own one."),
	}
}

// Checks declares which fields contradict each other.
func (t *Target) Checks() schema.Checks {
	return schema.Checks{schema.CustomCheck(func() error {
		if t.Failover && t.Priority != 0 {
			return schema.InvalidError{"priority": "a failover target comes after all tiers and has no priority"}
		}
		return nil
	}, "failover", "priority").Hidden()}
}

// UniqueTogether says that an upstream has each target once.
func (t *Target) UniqueTogether() [][]string { return [][]string{{"upstream", "target"}} }

// Prepare gives the target the form in which it is stored: addresses written in
// full and always a port. A new target that cannot be one is refused before
// anything else is looked at.
func (t *Target) Prepare(op schema.Op, body map[string]any) error {
	s, ok := body["target"].(string)
	if !ok {
		return nil
	}
	normal, err := NormalTarget(s)
	switch {
	case err == nil:
		body["target"] = normal
	case op == schema.Create:
		return schema.InvalidError{"target": "Invalid target; not a valid hostname or ip address"}
	}
	return nil
}

// NormalTarget returns host:port as targets are stored: without leading zeros
// in an IPv4 address, all of an IPv6 address in brackets, and with the default
// port when there is none.
func NormalTarget(s string) (string, error) {
	a, err := parseAddress(s)
	if err != nil {
		return "", errors.New("not a valid hostname or ip address")
	}
	if !a.hasPort {
		a.port = defaultTargetPort
	}
	return a.host + ":" + strconv.Itoa(a.port), nil
}

func checkTarget(s string) error {
	if m := schema.UTF8Error(s); m != "" {
		return message("Invalid target; " + m)
	}
	if _, err := NormalTarget(s); err != nil {
		return message("Invalid target ('" + s + "'); " + err.Error())
	}
	return nil
}
