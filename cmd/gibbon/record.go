package main

import (
	"time"

	"gibbon/control/admin"
	"gibbon/data/proxy"
)

// Record implements [admin.Explainer].
func (x explainer) Record(id string) (*admin.RequestRecord, bool) {
	r := x.proxy.Record(id)
	if r == nil {
		return nil, false
	}
	return requestRecord(r), true
}

func requestRecord(r *proxy.Record) *admin.RequestRecord {
	view := &admin.RequestRecord{
		ID: r.ID, Time: admin.At(r.Time),
		Request: admin.RecordedHead{Method: r.Method, Host: r.Host, Path: r.Path, Client: r.Client},
		Answer:  admin.RecordedEnd{Status: r.Status, By: "gateway", Reason: orNull(string(r.Reason))},

		UpstreamPath: orNull(r.UpstreamTarget), Upstream: orNull(r.Balancer), Algorithm: orNull(r.Algorithm), HashKey: r.Hash,
		Tries:     []admin.RecordedTry{},
		Latencies: admin.RecordedDelays{Total: milliseconds(r.Latencies.Request), Gateway: milliseconds(r.Latencies.Kong)},
	}
	if r.Proxied {
		view.Answer.By = "target"
	}
	if r.Route != nil {
		view.Route = &admin.NamedEntity{ID: r.Route.ID, Name: r.Route.Name}
	}
	if r.Service != nil {
		view.Service = &admin.NamedEntity{ID: r.Service.ID, Name: r.Service.Name}
	}
	if r.Latencies.Upstream >= 0 {
		upstream := milliseconds(r.Latencies.Upstream)
		view.Latencies.Upstream = &upstream
	}
	for i, t := range r.Tries {
		try := admin.RecordedTry{
			Address: t.Address.String(), Failure: orNull(t.Failure), Latency: milliseconds(t.Latency), Next: "retry",
		}
		if t.Status != 0 {
			try.Status = &t.Status
		}
		if i == len(r.Tries)-1 {
			try.Next = "given up"
			if r.Proxied {
				try.Next = "passed on"
			}
		}
		view.Tries = append(view.Tries, try)
	}
	return view
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func milliseconds(d time.Duration) float64 { return rounded(d.Seconds() * 1000) }
