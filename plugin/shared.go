package plugin

import "strings"

// SharedBy returns a function that lists what the plugins of a name have got from
// Env.Shared so far.
func (s *State) SharedBy(name string) func() []any {
	prefix := name + "\x01"
	return func() []any {
		s.mu.Lock()
		defer s.mu.Unlock()
		var all []any
		for key, v := range s.kept {
			if strings.HasPrefix(key, prefix) {
				all = append(all, v)
			}
		}
		return all
	}
}
