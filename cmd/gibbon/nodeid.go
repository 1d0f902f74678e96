package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/uuid"

	"gibbon/settings"
)

// nodeID returns the node's UUID: the one set, else the one kept in the prefix, else a new
// one, which is kept from now on.
func nodeID(s *settings.Settings) (string, error) {
	if s.NodeID != "" {
		id, err := uuid.Parse(s.NodeID)
		if err != nil {
			return "", fmt.Errorf("node_id is not a UUID: '%s'", s.NodeID)
		}
		return id.String(), nil
	}
	path := s.Path("gibbon.id")
	kept, err := os.ReadFile(path)
	if err == nil {
		id, err := uuid.Parse(strings.TrimSpace(string(kept)))
		if err != nil {
			return "", hinted("Remove the file to get a new id.", "%s does not hold a UUID", path)
		}
		return id.String(), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the node's id: %w", err)
	}
	id := uuid.NewString()
	if err := os.WriteFile(path, []byte(id+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("keep the node's id: %w", err)
	}
	return id, nil
}

// hostname is the machine's, or localhost when it has none.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
