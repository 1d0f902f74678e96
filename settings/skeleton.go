package settings

import "errors"

// Load reads all settings. The error names every fault, one a line.
func Load(src Source) (*Settings, error) {
	return nil, errors.New("not written yet")
}

// Map returns what GET / shows under configuration: every property, secrets as ******, and
// the values derived from them. Empty lists are empty maps, as clients expect them to print.
func (s *Settings) Map() map[string]any { return nil }

// Path returns name within the prefix, or name itself when it is absolute.
func (s *Settings) Path(name string) string { return name }

// A Change is a property that differs between two Settings.
type Change struct {
	Name     string
	Old, New string // as written; empty when not given
	Live     bool   // takes effect without a restart
}

// Changes lists what differs from s in other, by name.
func (s *Settings) Changes(other *Settings) []Change { return nil }

// Address returns host and port as net.Listen takes them.
func (l *Listener) Address() string { return "" }
