package plugin

// Endpoints are what plugins add to the Admin API.
func Endpoints(plugins []*Plugin, s *State) []Endpoint {
	var all []Endpoint
	for _, p := range plugins {
		if p.Endpoints != nil {
			all = append(all, p.Endpoints(s)...)
		}
	}
	return all
}
