package soak

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"gibbon/test/gateway"
)

func TestMain(m *testing.M) { gateway.Main(m) }

// length is how many requests a story sends.
func length() int64 {
	if os.Getenv("LONG") != "" {
		return 30_000
	}
	return 3_000
}

// start runs a gateway with a TLS listener and an empty database.
func start(t *testing.T) *gateway.Gateway {
	t.Helper()
	return gateway.Run(t, gateway.Options{Ports: gateway.Ports{TLS: 8443}, Env: map[string]string{"LOG_LEVEL": "error"}})
}

// An admin makes requests to the Admin API.
type admin struct{ address string }

// send makes one request, with document as its JSON body, and returns the answer's.
// nil is no body.
func (a admin) send(t *testing.T, method, path string, document map[string]any) ([]byte, error) {
	t.Helper()
	var body []byte
	if document != nil {
		var err error
		if body, err = json.Marshal(document); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+a.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if document != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("%s %s: %s: %.500s", method, path, response.Status, answer)
	}
	return answer, nil
}
