package entity

import (
	"regexp"

	"gibbon/schema"
)

// Healthchecks says how the targets of an upstream are judged.
type Healthchecks struct {
	Active    ActiveChecks
	Passive   PassiveChecks
	Threshold *float64 // percent of the weight that must be available
	Outlier   *Outlier // nil is off; unknown to the reference
}

// An Outlier says when a target is taken out because it does worse than it
// should, and how it comes back.
type Outlier struct {
	ConsecutiveFailures int
	SuccessRateStdev    float64
	LatencyFactor       float64
	MinimumHosts        int
	MinimumRequests     int
	Interval            float64 // seconds
	BaseEjection        float64 // seconds
	MaxEjection         float64 // seconds
	MaxEjected          float64 // percent
}

// Fields declares the fields of outlier detection.
func (o *Outlier) Fields() schema.Fields {
	return schema.Fields{
		schema.Number("consecutive_failures", &o.ConsecutiveFailures).Required().Default(5).Between(0, 65535).
			Doc("Failed connections, timeouts and answers with 500 and above in a row that eject a target; 0 is never."),
		schema.Number("success_rate_stdev", &o.SuccessRateStdev).Required().Default(1.9).Between(0, 100).
			Doc("Ejects a target whose success rate is so many standard deviations below the mean of all; 0 is never."),
		schema.Number("latency_factor", &o.LatencyFactor).Required().Default(0).Between(0, 1000).
			Doc("Ejects a target whose mean latency is above so many times the median of all; 0 is never."),
		schema.Number("minimum_hosts", &o.MinimumHosts).Required().Default(3).Between(2, 65535).
			Doc("Targets with enough requests that a comparison needs."),
		schema.Number("minimum_requests", &o.MinimumRequests).Required().Default(20).Between(1, 1<<30).
			Doc("Requests within the interval that a target needs to be compared."),
		schema.Number("interval", &o.Interval).Required().Default(10).Between(0.1, 3600).
			Doc("Seconds from one comparison to the next."),
		schema.Number("base_ejection", &o.BaseEjection).Required().Default(30).Between(0.1, 86400).
			Doc("Seconds that the first ejection takes; the n-th in a row takes n times as long."),
		schema.Number("max_ejection", &o.MaxEjection).Required().Default(300).Between(0.1, 86400).
			Doc("Seconds that no ejection exceeds."),
		schema.Number("max_ejected", &o.MaxEjected).Required().Default(10).Between(0, 100).
			Doc("Percent of the targets that may be ejected at a time, but always one."),
	}
}

// Checks declares which fields contradict each other.
func (o *Outlier) Checks() schema.Checks {
	return schema.Checks{schema.CustomCheck(func() error {
		if o.MaxEjection < o.BaseEjection {
			return schema.InvalidError{"max_ejection": "must not be less than base_ejection"}
		}
		return nil
	}, "base_ejection", "max_ejection").Hidden()}
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

	// What the reference does not know.
	Port       int    // 0 is the target's
	HTTPMethod string // GET unless set
	BodyMatch  string // a regular expression; "" matches all
	Keepalive  *bool  // probes use connections again; nil: a few times, where targets allow it

	GRPCService string // that gRPC servers are asked about; "" is the whole server
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

// Fields declares the fields of health checks.
func (h *Healthchecks) Fields() schema.Fields {
	return schema.Fields{
		schema.Sub("active", &h.Active),
		schema.Sub("passive", &h.Passive),
		schema.NullNumber("threshold", &h.Threshold).Default(0).Between(0, 100),
		schema.NullSub("outlier", &h.Outlier).Extension().
			Doc("Takes targets out that do worse than others, and tries them again after a while."),
	}
}

// Fields declares the fields of active checks.
func (a *ActiveChecks) Fields() schema.Fields {
	return schema.Fields{
		checkType(&a.Type),
		schema.NullNumber("timeout", &a.Timeout).Default(1).Between(0, 65535),
		schema.NullNumber("concurrency", &a.Concurrency).Default(10).Between(1, 1<<31),
		path("http_path", &a.HTTPPath).Default("/"),
		schema.String("https_sni", &a.HTTPSSNI).Optional().Check(CheckSNI).
			Doc("A server name (SNI) of TLS."),
		schema.Bool("https_verify_certificate", &a.HTTPSVerifyCertificate).Required().Default(true),
		headers(&a.Headers).Optional(),
		schema.Sub("healthy", &a.Healthy),
		schema.Sub("unhealthy", &a.Unhealthy),
		schema.Number("port", &a.Port).Extension().Required().Default(0).Between(0, 65535).
			Doc("The port that probes go to; 0 is that of the target."),
		schema.String("http_method", &a.HTTPMethod).Extension().Required().Default("GET").
			OneOf("GET", "HEAD", "OPTIONS", "POST").Doc("The method of probes."),
		schema.String("body_match", &a.BodyMatch).Extension().Check(checkBodyMatch).
			Doc("A regular expression that the first 64 KiB of a probe's answer have to match, else it counts as an HTTP failure."),
		schema.NullBool("keepalive", &a.Keepalive).Extension().
			Doc("Whether probes use connections again: always, with HTTP/1.1, or never. Null: four probes share one where the target allows it."),
		schema.String("grpc_service", &a.GRPCService).Extension().Is(schema.LenMin(1)).
			Doc("The service that probes of type grpc and grpcs ask about; without it they ask about the whole server."),
	}
}

// Checks declares which fields contradict each other.
func (a *ActiveChecks) Checks() schema.Checks {
	return schema.Checks{schema.CustomCheck(func() error {
		http := a.Type == "http" || a.Type == "https"
		switch {
		case a.BodyMatch != "" && !http:
			return schema.InvalidError{"body_match": "only answers to http and https probes have a body"}
		case a.BodyMatch != "" && a.HTTPMethod == "HEAD":
			return schema.InvalidError{"body_match": "answers to HEAD have no body"}
		case a.GRPCService != "" && a.Type != "grpc" && a.Type != "grpcs":
			return schema.InvalidError{"grpc_service": "only grpc and grpcs probes ask about a service"}
		}
		return nil
	}, "type", "http_method", "body_match", "grpc_service").Hidden()}
}

func checkBodyMatch(s string) error {
	if _, err := regexp.Compile(s); err != nil {
		return message("invalid regex: " + err.Error())
	}
	return nil
}

// Fields declares the fields of ActiveHealthy.
func (h *ActiveHealthy) Fields() schema.Fields {
	return schema.Fields{
		interval(&h.Interval),
		statuses(&h.HTTPStatuses).Default([]int{200, 302}),
		count("successes", &h.Successes),
	}
}

// Fields declares the fields of ActiveUnhealthy.
func (u *ActiveUnhealthy) Fields() schema.Fields {
	return schema.Fields{
		interval(&u.Interval),
		statuses(&u.HTTPStatuses).Default([]int{429, 404, 500, 501, 502, 503, 504, 505}),
		count("tcp_failures", &u.TCPFailures),
		count("timeouts", &u.Timeouts),
		count("http_failures", &u.HTTPFailures),
	}
}

// Fields declares the fields of passive checks.
func (p *PassiveChecks) Fields() schema.Fields {
	return schema.Fields{
		checkType(&p.Type),
		schema.Sub("healthy", &p.Healthy),
		schema.Sub("unhealthy", &p.Unhealthy),
	}
}

// Fields declares the fields of PassiveHealthy.
func (h *PassiveHealthy) Fields() schema.Fields {
	return schema.Fields{
		statuses(&h.HTTPStatuses).Default([]int{
			200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308,
		}),
		count("successes", &h.Successes),
	}
}

// Fields declares the fields of PassiveUnhealthy.
func (u *PassiveUnhealthy) Fields() schema.Fields {
	return schema.Fields{
		statuses(&u.HTTPStatuses).Default([]int{429, 500, 503}),
		count("tcp_failures", &u.TCPFailures),
		count("timeouts", &u.Timeouts),
		count("http_failures", &u.HTTPFailures),
	}
}

func checkType(p *string) *schema.Value[string] {
	return schema.String("type", p).Default("http").OneOf("tcp", "http", "https", "grpc", "grpcs")
}

// interval declares the seconds between probes; 0 means none.
func interval(p **float64) *schema.Value[float64] {
	return schema.NullNumber("interval", p).Default(0).Between(0, 65535)
}

// count declares how many results in a row change the verdict; 0 means never.
func count(name string, p **int) *schema.Value[int] {
	return schema.NullNumber(name, p).Default(0).Between(0, 255)
}

func statuses(p *[]int) *schema.Value[[]int] {
	return schema.List("http_statuses", p, func(p *int) *schema.Value[int] {
		return schema.Number("", p).Between(100, 999)
	})
}
