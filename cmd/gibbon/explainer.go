package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"gibbon/control/admin"
	"gibbon/data/balancer"
	"gibbon/data/proxy"
	"gibbon/data/router"
	"gibbon/entity"
)

// An explainer tells the Admin API what the proxy would do.
type explainer struct{ proxy *proxy.Proxy }

// mostRoutes is how many routes an explanation lists.
const mostRoutes = 20

// Explain implements [admin.Explainer].
func (x explainer) Explain(q *admin.Question) *admin.Explanation {
	question := proxy.Question{
		Method: q.Method, Host: q.Host, Target: q.Path, TLS: q.TLS, SNI: q.SNI, Port: q.Port,
	}
	question.Client, _ = netip.ParseAddr(q.ClientIP) // it is one: the schema has seen to it
	for name, values := range q.Headers {
		for _, v := range values {
			question.Headers = append(question.Headers, [2]string{name, v})
		}
	}
	return explanation(x.proxy.Explain(question))
}

func explanation(e *proxy.Explanation) *admin.Explanation {
	view := &admin.Explanation{
		Request: admin.RequestSeen{
			Method: e.Method, Scheme: e.Scheme, Host: e.Host, Port: e.Port, Path: e.Path, Client: e.Client,
		},
		Routes: []admin.RouteVerdict{}, RoutesTotal: len(e.Routes),
		Plugins: append([]string{}, e.Plugins...), Attempts: e.Attempts, Candidates: []admin.Candidate{},
	}
	if e.Status != 0 {
		view.Answer = &admin.AnswerMade{Status: e.Status, Reason: string(e.Reason)}
	}
	for i := range min(len(e.Routes), mostRoutes) {
		view.Routes = append(view.Routes, routeVerdict(&e.Routes[i], i == 0))
	}
	if e.Route != nil {
		view.Route = &admin.RouteMatched{
			NamedEntity: admin.NamedEntity{ID: e.Route.ID, Name: e.Route.Name}, Matched: e.Matched.Names(), Path: e.Routes[0].Path,
		}
	}
	if e.Service != nil {
		view.Service = &admin.NamedEntity{ID: e.Service.ID, Name: e.Service.Name}
	}
	if e.UpstreamTarget != "" {
		view.UpstreamPath = &e.UpstreamTarget
		explainBalancing(view, e)
	}
	return view
}

func routeVerdict(v *router.Verdict, first bool) admin.RouteVerdict {
	r := v.Entry.Route
	view := admin.RouteVerdict{
		NamedEntity: admin.NamedEntity{ID: r.ID, Name: r.Name}, Failed: v.Failed.Names(), First: orNull(v.Failed.First()), Path: v.Path,
	}
	switch {
	case v.Failed != 0:
		view.Why = "the request does not satisfy its " + strings.Join(view.Failed, ", ")
	case first:
		view.Why = "it matches and comes first"
	default:
		view.Why = "it matches, but another route comes before it"
	}
	return view
}

func explainBalancing(view *admin.Explanation, e *proxy.Explanation) {
	view.Upstream = &admin.UpstreamChosen{
		Name: e.Balancer, Algorithm: e.Algorithm, Available: e.Health.Healthy, Panic: e.Health.Panic,
	}
	if e.Upstream != nil {
		view.Upstream.ID = e.Upstream.ID
	}
	view.Hash = hashExplained(e.Hash)
	view.Draw = draw(e.Decision)
	scores := map[[2]string]float64{}
	for _, c := range e.Decision.Considered() {
		scores[[2]string{c.Address.Target, c.Address.Text}] = c.Score
	}
	for i := range e.Health.Targets {
		t := &e.Health.Targets[i]
		for j := range t.Addresses {
			c := candidate(&e.Health, t, &t.Addresses[j])
			if s, ok := scores[[2]string{c.Target, c.Address}]; ok {
				c.Score = score(s)
			}
			view.Candidates = append(view.Candidates, c)
		}
		if len(t.Addresses) == 0 {
			why := "its name has no address: " + t.DNS
			view.Candidates = append(view.Candidates, admin.Candidate{
				TargetID: t.ID, Target: targetName(t), Priority: t.Priority, Failover: t.Failover, Excluded: &why,
			})
		}
	}
	view.WaitsForPlace = e.Status == 0 && errors.Is(e.NextErr, balancer.ErrOverLimit)
	view.WaitsForNames = errors.Is(e.NextErr, balancer.ErrUnresolved)
	if e.Next != nil {
		view.Next = &admin.NextTarget{Target: e.Next.Target, Address: e.Next.Text, Host: e.HostHeader}
	}
}

func candidate(h *balancer.Health, t *balancer.TargetHealth, a *balancer.AddressHealth) admin.Candidate {
	c := admin.Candidate{
		TargetID: t.ID, Target: targetName(t), Address: fmt.Sprintf("%s:%d", a.IP, a.Port), Weight: a.Weight,
		Priority: t.Priority, Failover: t.Failover, Latency: rounded(a.Latency.Seconds() * 1000), Details: addressDetails(a),
	}
	exclude := func(why string) { c.Excluded = &why }
	switch {
	case t.State != "" && t.State != entity.TargetActive:
		exclude("a person set its state to " + t.State)
	case a.Weight == 0:
		exclude("its weight is 0")
	case !a.Healthy && !h.Panic:
		exclude("it is down: " + a.Subject.Cause.Text)
	case a.Limit > 0 && a.InFlight >= a.Limit:
		exclude(fmt.Sprintf("it bears as many requests as its limit of %d allows", a.Limit))
	}
	return c
}
