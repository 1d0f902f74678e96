package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"

	"gibbon/entity"
	"gibbon/schema"
)

const defaultTargetPort = 8000

// addHealth makes the endpoints that show and order how targets are judged.
func (a *api) addHealth() {
	a.addExplain()
	a.addEvents()
	upstreams, targets := a.Kinds.Of("upstreams"), a.Kinds.Of("targets")
	if upstreams == nil || targets == nil {
		return
	}
	h := healthEndpoints{nested{resource{a, upstreams}, resource{a, targets}, "upstream"}}
	a.routes.add("/upstreams/{upstreams}/health", methods{http.MethodGet: h.show})
	a.routes.addOurs("/upstreams/{upstreams}/traffic", methods{http.MethodGet: h.traffic})
	const target = "/upstreams/{upstreams}/targets/{targets}"
	a.routes.addOurs(target+"/history", methods{http.MethodGet: h.history})
	for verdict, healthy := range map[string]bool{"healthy": true, "unhealthy": false} {
		a.routes.add(target+"/"+verdict, methods{http.MethodPut: h.order(healthy)})
		a.routes.add(target+"/{address}/"+verdict, methods{http.MethodPut: h.order(healthy)})
	}
}

type healthEndpoints struct{ nested }

// health is what the data plane knows of an upstream.
func (h healthEndpoints) health(id string) (UpstreamHealth, bool) {
	if h.parent.Health == nil {
		return UpstreamHealth{}, false
	}
	return h.parent.Health.UpstreamHealth(id)
}

func (h healthEndpoints) show(q *request) (*reply, error) {
	in, err := h.scope(q)
	if err != nil {
		return nil, err
	}
	if q.argument("balancer_health") == "1" {
		return h.showBalancer(q, in)
	}
	return h.showTargets(q, in)
}

// A healthListing is a listing with the node whose view it is.
type healthListing struct {
	*listing

	NodeID  string `json:"node_id"`
	Pending *int64 `json:"pending,omitempty"` // among the details
}

// showTargets lists the targets as usual, with their state where a balancer has one.
func (h healthEndpoints) showTargets(q *request, in *scope) (*reply, error) {
	query := h.query(in)
	query.NewestFirst = true
	l, rows, err := h.child.pageByPlace(q, query, q.location())
	if err != nil {
		return nil, err
	}
	answer := healthListing{listing: l, NodeID: h.parent.Node.ID}
	if upstream, ok := h.health(in.parent.Key()); ok {
		if q.wantsDetails() {
			answer.Pending = &upstream.Pending
		}
		states := make(map[string]*TargetHealth, len(upstream.Targets))
		for i := range upstream.Targets {
			states[upstream.Targets[i].ID] = &upstream.Targets[i]
		}
		for i, row := range rows {
			if state := states[row.ID]; state != nil {
				if l.Data[i], err = withHealth(l.Data[i], state, q.wantsDetails()); err != nil {
					return nil, err
				}
			}
		}
	}
	return jsonReply(http.StatusOK, answer)
}

// withHealth adds the members health and data to a target.
func withHealth(target json.RawMessage, t *TargetHealth, details bool) (json.RawMessage, error) {
	extra, err := marshal(struct {
		Health string   `json:"health"`
		Data   hostView `json:"data"`
	}{t.Verdict, newHostView(t, func(a AddressHealth) any {
		return struct {
			IP     string `json:"ip"`
			Port   int    `json:"port"`
			Weight int64  `json:"weight"`
			Health string `json:"health"`
			*AddressDetails
		}{a.IP, a.Port, a.Weight, a.Verdict, a.details(details)}
	})})
	if err != nil {
		return nil, err
	}
	joined := append([]byte{}, target[:len(target)-1]...)
	return append(append(joined, ','), extra[1:]...), nil
}

// A hostView is a target in a balancer.
type hostView struct {
	Host      string       `json:"host"`
	Port      int          `json:"port"`
	DNS       string       `json:"dns"`
	Weight    int          `json:"nodeWeight"`
	Sum       WeightHealth `json:"weight"`
	Addresses any          `json:"addresses"` // {} when there is none
}

func newHostView(t *TargetHealth, address func(AddressHealth) any) hostView {
	v := hostView{t.Host, t.Port, t.DNS, t.Weight, t.Available, struct{}{}}
	if len(t.Addresses) > 0 {
		addresses := make([]any, len(t.Addresses))
		for i, a := range t.Addresses {
			addresses[i] = address(a)
		}
		v.Addresses = addresses
	}
	return v
}

// A balancerView is a whole balancer.
type balancerView struct {
	ID       string `json:"id"`
	Health   string `json:"health"`
	Balancer string `json:"balancer_health"`
	Details  struct {
		Healthy bool         `json:"healthy"`
		Weight  WeightHealth `json:"weight"`
		Hosts   []hostView   `json:"hosts"`
	} `json:"details"`
}

func (h healthEndpoints) showBalancer(q *request, in *scope) (*reply, error) {
	answer := struct {
		Data   *balancerView `json:"data,omitempty"`
		Next   *string       `json:"next"`
		NodeID string        `json:"node_id"`
	}{NodeID: h.parent.Node.ID}
	if upstream, ok := h.health(in.parent.Key()); ok && len(upstream.Targets) > 0 {
		v := &balancerView{ID: in.parent.Key(), Health: upstream.Verdict, Balancer: Unhealthy}
		if upstream.Healthy {
			v.Balancer = Healthy
		}
		v.Details.Healthy, v.Details.Weight = upstream.Healthy, upstream.Weight
		for i := range upstream.Targets {
			v.Details.Hosts = append(v.Details.Hosts, newHostView(&upstream.Targets[i], func(a AddressHealth) any {
				return struct {
					IP      string `json:"ip"`
					Port    int    `json:"port"`
					Weight  int64  `json:"weight"`
					Healthy bool   `json:"healthy"`
					*AddressDetails
				}{a.IP, a.Port, a.Weight, a.Healthy || a.Weight == 0, a.details(q.wantsDetails())}
			}))
		}
		answer.Data = v
	}
	return jsonReply(http.StatusOK, answer)
}

// order marks a target, or one address of it, as healthy or unhealthy.
func (h healthEndpoints) order(healthy bool) handler {
	return func(q *request) (*reply, error) {
		in, err := h.scope(q)
		if err != nil {
			return nil, err
		}
		target, err := h.find(q)
		if err != nil {
			return nil, err
		}
		address := ""
		if len(q.params) > 2 {
			if address = withPort(q.params[2]); address == "" {
				return noContent, nil // no target has such an address
			}
		}
		err = ErrNoBalancer
		if h.parent.Health != nil {
			err = h.parent.Health.SetHealth(in.parent.Key(), target.Key(), address, healthy, q.actor())
		}
		switch name := h.parent.name(in.parent); {
		case errors.Is(err, ErrNoHealthChecks):
			return message(http.StatusBadRequest, "no healthchecker found for "+name), nil
		case errors.Is(err, ErrNoBalancer):
			return message(http.StatusBadRequest, "Upstream "+name+" has no balancer"), nil
		case err != nil:
			return nil, err
		}
		return noContent, nil
	}
}

// name is the value of an entity's endpoint key.
func (r resource) name(e entity.Entity) string {
	name, _ := schema.Tree(e)[r.kind.EndpointKey].(string)
	return name
}

// withPort completes the address in a path; it is "" for what is no address.
func withPort(s string) string {
	if addrPort, err := netip.ParseAddrPort(s); err == nil {
		return addrPort.String()
	}
	if n := len(s); n > 2 && s[0] == '[' && s[n-1] == ']' {
		s = s[1 : n-1]
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return ""
	}
	return netip.AddrPortFrom(addr, defaultTargetPort).String()
}
