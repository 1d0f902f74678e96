package store

import "time"

// A Node is a gateway that follows a store.
type Node struct {
	ID       string        // UUID
	Hostname string        // "" of a version that did not tell
	Version  string        // as Hostname
	Revision int64         // the newest that it has in force; negative while it reads everything anew
	Seen     time.Time     // when it last told
	Silent   time.Duration // since then, by the clock of the store
}
