package manager

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// targetTraffic is what the page needs of a target in GET /upstreams/{upstream}/traffic.
type targetTraffic struct {
	ID       string
	Share    float64
	Rate     float64 `json:"requests_per_second"`
	Failed   int64
	Errors   int64 `json:"status_5xx"`
	P99      *float64
	InFlight int64 `json:"in_flight"`
}

// targetHealth is what it needs of one in GET /upstreams/{upstream}/health.
type targetHealth struct {
	ID, Target, Health string
	Weight             int64
	Data               struct{ Addresses addressList }
}

type addressHealth struct {
	Since  float64
	Reason struct{ Text string }
	Last   *struct {
		Time   float64
		Result string
	} `json:"last_probe"`
}

// An addressList is an object when it is empty, as in the reference.
type addressList []addressHealth

// UnmarshalJSON implements [json.Unmarshaler].
func (l *addressList) UnmarshalJSON(b []byte) error {
	if string(b) == "{}" {
		return nil
	}
	return json.Unmarshal(b, (*[]addressHealth)(l))
}

// ask sends the Admin API a request with the fields by which it judges who asks.
func (p *plainPage) ask(r *http.Request, target string, into any) (status int, err error) {
	u, err := url.Parse(target)
	if err != nil {
		return http.StatusInternalServerError, fmt.Errorf("path of the Admin API: %w", err)
	}
	asked := r.Clone(r.Context())
	asked.Method, asked.URL, asked.RequestURI = http.MethodGet, u, target
	answer := &recorder{status: http.StatusOK, header: http.Header{}}
	p.api.ServeHTTP(answer, asked)
	if answer.status != http.StatusOK {
		var m struct{ Message string }
		if json.Unmarshal(answer.body.Bytes(), &m) != nil || m.Message == "" {
			m.Message = http.StatusText(answer.status)
		}
		return answer.status, fmt.Errorf("the Admin API answers %d: %s", answer.status, m.Message)
	}
	if err := json.Unmarshal(answer.body.Bytes(), into); err != nil {
		return http.StatusBadGateway, fmt.Errorf("answer of the Admin API: %w", err)
	}
	return http.StatusOK, nil
}

// A recorder keeps an answer of the Admin API.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write implements [http.ResponseWriter].
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
