package durability

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"gibbon/test/gateway"
)

// A client speaks to one Admin API.
type client struct {
	http.Client

	base string
}

func newClient(address string) *client {
	return &client{
		Client: http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}},
		base:   "http://" + address,
	}
}

// An answer is what came back.
type answer struct {
	status int
	etag   string
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// into decodes the body.
func (a answer) into(v any) error { return json.Unmarshal(a.body, v) }

// do sends one request; body may be nil, header are names and values in turn.
func (c *client) do(ctx context.Context, method, path string, body any, header ...string) (answer, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header.Get("ETag"), text}, err
}

// insist sends a request until the Admin API is there and has its store.
func (c *client) insist(ctx context.Context, method, path string, body any) (a answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = gateway.Poll(ctx, func() error {
		var err error
		if a, err = c.do(ctx, method, path, body); err == nil && a.status == http.StatusServiceUnavailable {
			err = fmt.Errorf("%s %s: %v", method, path, a)
		}
		return err
	})
	return a, err
}
