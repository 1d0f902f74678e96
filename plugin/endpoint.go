package plugin

// An Endpoint is one that a plugin adds to the Admin API.
type Endpoint struct {
	Path    string // "/proxy-cache/{key}": {…} stands for any segment
	Methods map[string]func(params []string) EndpointAnswer
}

// An EndpointAnswer is what an Endpoint says.
type EndpointAnswer struct {
	Status int
	Body   any  // what encoding/json can write; nil for none
	Page   bool // for a failure: the small HTML page instead of a body
}
