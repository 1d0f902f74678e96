package events

// A Turn is the payload of health events: an address went from one state to another.
type Turn struct {
	Time     float64 `json:"time"` // Unix seconds with milliseconds
	Upstream string  `json:"upstream"`
	Target   string  `json:"target"`
	Address  string  `json:"address"`
	From     string  `json:"from"`
	To       string  `json:"to"`
	Circuit  string  `json:"circuit"`
	Flipped  bool    `json:"flipped"` // went up or down
	Reason   Reason  `json:"reason"`
}

// A Reason says why.
type Reason struct {
	Code  string `json:"code"` // for machines
	Text  string `json:"text"` // for people
	Actor string `json:"actor,omitempty"`
}

// An Ejection is the payload of ejection events.
type Ejection struct {
	Time     float64 `json:"time"`
	Upstream string  `json:"upstream"`
	Target   string  `json:"target"`
	Address  string  `json:"address"`
	Phase    string  `json:"phase"`           // began, trial, ended
	Count    int     `json:"count"`           // in a row
	Until    float64 `json:"until,omitempty"` // of one that began
	Reason   Reason  `json:"reason"`
}

// An Order is the payload of order events.
type Order struct {
	Time     float64 `json:"time"`
	Upstream string  `json:"upstream"`
	Target   string  `json:"target"`
	Address  string  `json:"address,omitempty"` // "" for all of the target
	Order    string  `json:"order"`
	Actor    string  `json:"actor,omitempty"`
	Revision int64   `json:"revision,omitempty"` // that keeps the order; 0: it holds on this node until the next report or restart
}

// A Revision is the payload of revision events.
type Revision struct {
	Number  int64    `json:"number"`
	Time    float64  `json:"time"`
	Actor   string   `json:"actor"`
	Summary string   `json:"summary"`
	Changes []Change `json:"changes"`
	More    int      `json:"more,omitempty"` // changes that are left out
}

// A Change is one of the entities that a revision changed.
type Change struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Action string `json:"action"` // created, changed, removed
}

// A Reload is the payload of reload events: the configuration was read anew.
type Reload struct {
	Number int64   `json:"number"` // of its newest revision
	Time   float64 `json:"time"`
}

// A Certificate is the payload of certificate events.
type Certificate struct {
	Time    float64  `json:"time"`
	Kind    string   `json:"kind"`         // certificates, ca_certificates or node
	ID      string   `json:"id,omitempty"` // of the entity
	Subject string   `json:"subject"`
	Names   []string `json:"names"`
	Expires float64  `json:"expires"`
	Days    int      `json:"days"` // that are left, rounded down; below 0 when it has expired
	State   string   `json:"state"`
}
