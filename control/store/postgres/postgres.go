// Package postgres keeps the configuration in a PostgreSQL database, which
// several gateways may share.
//
// The row of the table newest_revision is locked by whoever writes, from its
// first look at the configuration to its commit. So writes of all gateways run
// one after another, revisions are numbered without holes in the order of their
// commits, and whoever sees a revision sees all that came before it. Writes of
// one gateway that arrive together share a commit.
//
// Revisions of other gateways are taken from the change log: at each beginning of
// a write and whenever [Store.Follow] looks. A notification of the database only
// makes it look at once; a lost one costs an interval, never a change.
//
// While the database is away calls fail with store.ErrUnavailable, after
// [Options.Timeout] at the latest, and succeed again when it is back.
package postgres

import (
	"context"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gibbon/control/store"
	"gibbon/control/store/turn"
)

// Options say where the database is. A zero field takes the default in brackets.
type Options struct {
	Host     string // name, address or folder of a socket
	Port     int    // [5432]
	User     string
	Password string
	Database string
	Schema   string // [the user's search path]

	TLS    bool           // encrypt, and fail where the server cannot
	Verify bool           // with TLS: the certificate must be good for Host
	Roots  *x509.CertPool // to verify with [those of the system]

	Timeout     time.Duration // for the server to answer [5 s]
	Connections int           // for reading, at most [16]
	Wait        time.Duration // for one of them to be free [60 s]

	Node     string        // id of this node among those that follow [none: it is not told of]
	Hostname string        // of this node, for Nodes
	Version  string        // of this node, for Nodes
	Interval time.Duration // between two looks for other nodes' revisions [500 ms]
	PollOnly bool          // do not ask for notifications, which connection poolers do not pass on

	// Prepare makes the database ready to be followed, once it answers: the follower calls it before
	// its first look, and again until it succeeds [nothing].
	Prepare func(context.Context) error

	Now func() time.Time // the clock [time.Now]
	Log *slog.Logger     // [none]

	migrations fs.FS // [those of this version]
}

func (o Options) withDefaults() Options {
	if o.Port == 0 {
		o.Port = 5432
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Connections <= 0 {
		o.Connections = 16
	}
	if o.Wait <= 0 {
		o.Wait = time.Minute
	}
	if o.Interval <= 0 {
		o.Interval = 500 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.migrations == nil {
		o.migrations = files
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// A Store keeps the configuration in a database.
type Store struct {
	options Options
	log     *slog.Logger
	readers *pool
	writer  *pool // one connection that no reader can take
	closed  atomic.Bool

	counting *pool        // connections for counters
	swept    atomic.Int64 // when expired counters were removed, in Unix seconds

	turn  turn.Turn // guards batch
	batch *batch

	telling   sync.Mutex // held while callbacks run; guards callbacks
	callbacks []func(store.Revision)
	told      atomic.Int64 // number of the newest revision told, or one of the two below; written under telling

	away      atomic.Bool   // the database did not answer the follower
	wake      chan struct{} // has the follower look at once
	follow    context.Context
	unfollow  context.CancelFunc
	following sync.WaitGroup
	listed    bool // this node is among Nodes; the follower's
}

// What Store.told is when it is no number.
const (
	untold   = -1 // nobody follows: the first Write begins at what it finds
	outdated = -2 // everything has to be read anew before the next Write
)

var _ store.Store = (*Store)(nil)

// Open returns a store. It does not wait for the database: see [Store.Check].
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{options: o, log: o.Log, batch: newBatch(), wake: make(chan struct{}, 1)}
	s.readers, s.writer = newPool(o, o.Connections), newPool(o, 1)
	s.counting = newPool(o, 2)
	s.told.Store(untold)
	s.follow, s.unfollow = context.WithCancel(context.Background())
	if _, err := o.config(); err != nil {
		return nil, err
	}
	return s, nil
}

// OnCommit has f called with every revision, those of other nodes too.
func (s *Store) OnCommit(f func(store.Revision)) {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.callbacks = append(s.callbacks, f)
}

// tell calls the callbacks with those of the revisions that follow the newest one
// told. The caller holds telling.
func (s *Store) tell(revisions []store.Revision) {
	for _, r := range revisions {
		if r.Number != s.told.Load()+1 {
			continue // the follower was faster, or everything will be read anew
		}
		s.told.Store(r.Number)
		for _, f := range s.callbacks {
			f(r)
		}
	}
}

// Close waits for running calls and closes the connections.
func (s *Store) Close() error {
	for s.turn.Take(context.Background()) != nil { // refused for the sake of a Write
		if s.closed.Load() {
			return nil
		}
	}
	defer s.turn.Release()
	s.finish(nil) // others wait for the commit
	if s.closed.Load() {
		return nil
	}
	s.unfollow()
	s.following.Wait()
	s.leave()
	s.closed.Store(true)
	s.turn.Refuse(store.ErrClosed)
	s.writer.close()
	s.readers.close()
	s.counting.close()
	return nil
}
