package entity

import "gibbon/schema"

// A RetryPolicy says which tries at targets are followed by another, in place of
// the rule of the service's retries field.
type RetryPolicy struct {
	Attempts   *int     // tries at most, the first included; nil: 1 + the service's retries
	Errors     []string // nil: all but "invalid"
	Statuses   []int
	Methods    []string // nil: all but POST, PATCH and LOCK
	TryTimeout *int64   // milliseconds
	Deadline   *int64   // milliseconds
	Backoff    *RetryBackoff
	Budget     RetryBudget
	Hedge      *RetryHedge

	TrustDeadline bool
}

// RetryBackoff is how long to wait before a further try.
type RetryBackoff struct {
	Base int64 // milliseconds
	Max  int64 // milliseconds
}

// RetryBudget is how many further tries an upstream is burdened with.
type RetryBudget struct {
	Percent      int // of the requests of a second
	MinPerSecond int
}

// RetryHedge is when a second copy of a request is sent while the first one is unanswered.
type RetryHedge struct {
	Percentile int      // of the latencies observed
	MinDelay   int64    // milliseconds
	Percent    int      // of the requests
	Methods    []string // nil: GET, HEAD and OPTIONS
}

// Fields declares the fields of a retry policy.
func (p *RetryPolicy) Fields() schema.Fields {
	return schema.Fields{
		schema.NullNumber("attempts", &p.Attempts).Between(1, 32).
			Doc("How many targets are tried at most, the first one included. Without it, one more than the service's retries."),
		schema.Set("errors", &p.Errors, func(p *string) *schema.Value[string] {
			return schema.String("", p).OneOf(RetryErrors...)
		}).Doc("Failures that are followed by another try. Without it, all but invalid."),
		schema.Set("statuses", &p.Statuses, func(p *int) *schema.Value[int] {
			return schema.Number("", p).Between(400, 599)
		}).Doc("Statuses of answers that are followed by another try."),
		schema.Set("methods", &p.Methods, method).
			Doc("Methods that may be repeated after something of the request was sent. Without it, all but POST, PATCH and LOCK."),
		schema.NullNumber("try_timeout", &p.TryTimeout).Between(1, 1<<31-2).
			Doc("Milliseconds that a try may take until the head of its answer has come."),
		schema.NullNumber("deadline", &p.Deadline).Between(1, 1<<31-2).
			Doc("Milliseconds that all tries together may take until the head of an answer has come. Targets are told in X-Request-Deadline."),
		schema.NullSub("backoff", &p.Backoff).Doc("Waiting before further tries. Without it there is none."),
		schema.Bool("trust_deadline", &p.TrustDeadline).Required().Default(false).
			Doc("Whether X-Request-Deadline and grpc-timeout of a request set its deadline, if that is earlier than the one here."),
		schema.NullSub("hedge", &p.Hedge).Doc("A second copy of a request that is slow to be answered. Without it there is none."),
		schema.Sub("budget", &p.Budget).Doc("How many further tries the upstream is burdened with."),
	}
}

// Checks declares which fields contradict each other.
func (p *RetryPolicy) Checks() schema.Checks {
	return schema.Checks{schema.CustomCheck(func() error {
		switch {
		case p.Deadline != nil && p.TryTimeout != nil && *p.TryTimeout > *p.Deadline:
			return schema.InvalidError{"try_timeout": "must not be more than deadline"}
		case p.Hedge != nil && p.Attempts != nil && *p.Attempts < 2:
			return schema.InvalidError{"hedge": "a second copy needs attempts of 2 or more"}
		}
		return nil
	}, "attempts", "try_timeout", "deadline", "hedge").Hidden()}
}

// RetryErrors are the failures that a policy may name, as the access log calls them.
var RetryErrors = []string{"connect", "connect_timeout", "tls", "send", "send_timeout", "read", "read_timeout", "invalid"}

// Fields declares the fields of a back-off.
func (b *RetryBackoff) Fields() schema.Fields {
	return schema.Fields{
		schema.Number("base", &b.Base).Required().Default(25).Between(1, 60_000).
			Doc("Milliseconds at most before the second try; it doubles with each further one. The wait is random between 0 and this."),
		schema.Number("max", &b.Max).Required().Default(250).Between(1, 60_000).
			Doc("Milliseconds at most before any try."),
	}
}

// Checks declares which fields contradict each other.
func (b *RetryBackoff) Checks() schema.Checks {
	return schema.Checks{schema.CustomCheck(func() error {
		if b.Max < b.Base {
			return schema.InvalidError{"max": "must not be less than base"}
		}
		return nil
	}, "base", "max").Hidden()}
}

// Fields declares the fields of a hedge.
func (h *RetryHedge) Fields() schema.Fields {
	return schema.Fields{
		schema.Number("percentile", &h.Percentile).Required().Default(95).Between(50, 99).
			Doc("A second copy is sent when the answer takes longer than this share, in percent, of the answers before."),
		schema.Number("min_delay", &h.MinDelay).Required().Default(10).Between(1, 60_000).
			Doc("Milliseconds at least before the second copy."),
		schema.Number("percent", &h.Percent).Required().Default(5).Between(1, 100).
			Doc("Second copies at most, in percent of the requests of any ten seconds or longer. They count against the budget, too."),
		schema.Set("methods", &h.Methods, method).
			Doc("Methods of which there may be two copies. Without it GET, HEAD and OPTIONS."),
	}
}

// Fields declares the fields of a budget.
func (b *RetryBudget) Fields() schema.Fields {
	return schema.Fields{
		schema.Number("percent", &b.Percent).Required().Default(20).Between(0, 3100).
			Doc("Further tries at most, in percent of the requests, in any second or longer."),
		schema.Number("min_per_second", &b.MinPerSecond).Required().Default(3).Between(0, 100_000).
			Doc("Further tries per second that are made in any case."),
	}
}

// retryPolicy declares the policy of a service or route.
func retryPolicy(p **RetryPolicy) *schema.Value[RetryPolicy] {
	return schema.NullSub("retry_policy", p).Extension()
}
