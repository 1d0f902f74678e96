package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"gibbon/control/declarative"
	"gibbon/settings"
)

// A remotePlace is the store of a node that runs on this machine.
type remotePlace struct {
	client http.Client
	base   string // of its Admin API
	token  string // may be empty
}

func newRemotePlace(s *settings.Settings, token string) (*remotePlace, error) {
	if len(s.AdminListen) == 0 {
		return nil, hinted("Set admin_listen and restart, or stop the node.", "the running node holds the store, and it has no Admin API")
	}
	if name, ok := strings.CutPrefix(token, "@"); ok {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		token = strings.TrimSpace(string(text))
	}
	l := s.AdminListen[0]
	base := "http://" + l.Address()
	if l.SSL {
		base = "https://" + l.Address()
	}
	return &remotePlace{
		// The connection goes to this machine, and the node may have made its certificate itself.
		client: http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}},
		base:   fromHere(base), token: token,
	}, nil
}

func (p *remotePlace) close() error {
	p.client.CloseIdleConnections()
	return nil
}

// ask sends a request and returns the body of a good answer.
func (p *remotePlace) ask(ctx context.Context, method, path string, body []byte) (_ []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/yaml")
	}
	if p.token != "" {
		req.Header.Set("Kong-Admin-Token", p.token)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach the Admin API: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer of the Admin API: %w", err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return text, nil
	case http.StatusUnauthorized:
		return nil, hinted("Give one of its tokens: --token @FILE.", "the Admin API of the running node wants a token")
	case http.StatusRequestEntityTooLarge:
		return nil, hinted("Raise nginx_admin_client_max_body_size and restart, or stop the node while this command runs.",
			"the file is larger than the Admin API of the running node takes")
	}
	var answer struct{ Message string }
	if json.Unmarshal(text, &answer) != nil || answer.Message == "" {
		answer.Message = resp.Status
	}
	return nil, fmt.Errorf("the Admin API of the running node says: %s", answer.Message)
}

func (p *remotePlace) export(ctx context.Context, w io.Writer) error {
	text, err := p.ask(ctx, http.MethodGet, "/declarative", nil)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

func (p *remotePlace) diff(ctx context.Context, _ *declarative.Document, text []byte) (changes, error) {
	return p.changes(ctx, "/declarative/diff", text)
}

func (p *remotePlace) bring(ctx context.Context, _ *declarative.Document, text []byte, mode declarative.Mode) (changes, error) {
	path := "/declarative/import"
	if mode == declarative.Sync {
		path = "/declarative/sync"
	}
	return p.changes(ctx, path, text)
}

func (p *remotePlace) changes(ctx context.Context, path string, text []byte) (changes, error) {
	text, err := p.ask(ctx, http.MethodPost, path, text)
	if err != nil {
		return nil, err
	}
	var answer struct{ Changes changes }
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil {
		return nil, fmt.Errorf("read the answer of the Admin API: %w", err)
	}
	return answer.Changes, nil
}
