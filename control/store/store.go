// Package store says how the configuration is kept: as rows that hold one JSON
// document each, changed in transactions of which every one is a revision.
//
// A store knows nothing of services or routes. What must hold between rows
// (unique values, references, tags, order, expiry) is given beside the document
// in a [Put], and the store keeps it. The implementations are the folders below;
// package storetest holds the one suite that each of them passes.
package store

import (
	"context"
	"time"
)

// A Row is one stored entity.
type Row struct {
	Kind     string // "services"
	ID       string
	Doc      []byte // shared: neither the store nor the caller may change its bytes
	Revision int64  // number of the revision that last wrote the row; ignored in a Put
	Expires  int64  // Unix seconds from which on the row no longer exists; 0 means never
}

// A Put is a row to be written, with what the store has to know about it.
type Put struct {
	Row
	Keys  []Key    // unique values; a null value has no Key
	Refs  []Ref    // rows that must exist; a null reference has no Ref
	Tags  []string // in their order; a repeated tag counts once
	Order int64    // rank in lists that ask for NewestFirst, greatest first; usually a time
}

// A Key is a value that no other row of the same kind has under the same name.
// Composite values are joined with [Join].
type Key struct{ Name, Value string }

// A Ref is the reference that a row holds in Field to the row Kind, ID.
type Ref struct {
	Field    string // "service"
	Kind, ID string // "services" and the id there
	// Cascade says that the row goes when the row it refers to is deleted.
	// Without it the deletion is refused.
	Cascade bool
}

// A Query selects rows of one kind, by ascending id unless NewestFirst is set.
type Query struct {
	Kind        string
	By          *Ref     // only rows that hold this reference; Cascade is ignored
	Tags        []string // only rows with all of these tags
	AnyTag      bool     // one of Tags is enough
	NewestFirst bool     // by descending Order, equals by descending id; fast together with By
	After       string   // only rows with a greater id; not together with NewestFirst
	Skip        int      // leave out this many rows
	Size        int      // at most this many rows; 0 means all
}

// A Page is what a Query found.
type Page struct {
	Rows []Row
	More bool // further rows follow the last one
}

// A TagQuery selects uses of tags, ordered by id, position and kind.
type TagQuery struct {
	Tag   string // only this tag; empty means all
	After Tag    // only uses behind it, by ID, Position and Kind; an empty Kind stands for all kinds
	Size  int    // at most this many; 0 means all
}

// A Tag is one use of a tag.
type Tag struct {
	Tag, Kind, ID string
	Position      int // place among the tags of its row, from 1
}

// A TagPage is what a TagQuery found.
type TagPage struct {
	Tags []Tag
	More bool // further uses follow the last one
}

// A Revision is what one Write changed.
type Revision struct {
	Number  int64 // 1, 2, 3 … without holes; 0 for a Write that changed no row
	Time    time.Time
	Actor   string // who asked for it
	Changes []Change
}

// A Change is what a Revision did to one row, however many steps it took.
type Change struct {
	Kind, ID string
	Before   []byte // nil when the row did not exist
	After    []byte // nil when the row no longer exists
	Expires  int64  // of the row After; see Row.Expires
}

// A Reader looks rows up. Rows that have expired are not seen.
type Reader interface {
	// Get returns the row with this id, or ErrNotFound.
	Get(ctx context.Context, kind, id string) (Row, error)
	// Find returns the row with this unique value, or ErrNotFound.
	Find(ctx context.Context, kind, key, value string) (Row, error)
	// List returns one page of rows. Pages linked by After show each row that
	// exists all the while exactly once, whatever is written in between.
	List(ctx context.Context, q Query) (Page, error)
	// Each calls f with every row of a kind, by ascending id, as they were at
	// one moment. An error of f ends it and is returned. To read more meanwhile,
	// f uses the Reader of a View or the Tx; it must not call the Store, whose
	// connections are counted.
	Each(ctx context.Context, kind string, f func(Row) error) error
	// Tags returns one page of uses of tags.
	Tags(ctx context.Context, q TagQuery) (TagPage, error)
	// Latest returns the number of the newest revision, 0 before the first.
	Latest(ctx context.Context) (int64, error)
	// Parameter returns a value that belongs to the installation, not to the
	// configuration, such as the cluster's id, or ErrNotFound.
	Parameter(ctx context.Context, name string) (string, error)
}

// A Tx is the view that a Write has: it reads what it wrote. It must not be used
// by another goroutine or after the closure returned.
//
// A call that returns an error has changed nothing, and the Write may go on,
// except after ErrUnavailable, when it must fail. Rows that have expired are
// removed when they are in the way.
type Tx interface {
	Reader
	// Insert adds a row. It returns a *PrimaryKeyError, a *UniqueError or a
	// *MissingReferenceError when the row does not fit in.
	Insert(p Put) error
	// Update replaces a row, its keys, references and tags. It returns
	// ErrNotFound, a *UniqueError or a *MissingReferenceError.
	Update(p Put) error
	// Delete removes a row and, all the way down, the rows whose references to
	// it cascade. It returns ErrNotFound, or a *ReferencedError when a row that
	// would stay refers to one that would go.
	Delete(kind, id string) error
	// SetParameter sets what Parameter returns. It makes no revision by itself.
	SetParameter(name, value string) error
}

// A Store keeps the configuration. Its methods may be called from many goroutines.
type Store interface {
	Reader

	// Write runs f and makes what it changed durable as one revision, all or
	// nothing: when f returns an error, Write returns it and nothing changed.
	// Writes run one after another. f must not call the Store, only its Tx, and
	// should be quick: others wait.
	//
	// When ctx ends before f has returned, Write returns its error and nothing
	// changed. After that the outcome is waited for. A panic of f passes through
	// Write, and nothing changed.
	Write(ctx context.Context, actor string, f func(Tx) error) (Revision, error)

	// View runs f with a Reader that shows the configuration of one moment.
	View(ctx context.Context, f func(Reader) error) error

	// Changes returns the revisions after the one numbered since, oldest first,
	// at most limit of them; 0 means all. It returns ErrForgotten when some of
	// them are no longer kept.
	Changes(ctx context.Context, since int64, limit int) ([]Revision, error)
	// Revision returns the revision with this number, ErrNotFound or
	// ErrForgotten.
	Revision(ctx context.Context, number int64) (Revision, error)

	// OnCommit has f called with every revision, in their order, after it became
	// durable and before the Write that made it returns. f may read from the
	// store but not write to it.
	OnCommit(f func(Revision))

	// Sweep removes rows that have expired and the rows that refer to them, as a
	// revision of the actor "expiry". It takes a limited number at a time; when
	// there was nothing to do the revision's number is 0. See [KeepSwept].
	Sweep(ctx context.Context) (Revision, error)

	// Forget lets the change log begin later, so that it keeps at least the newest
	// revisions, as many as keep says, and what nodes that share the store have
	// not seen yet. It takes a limited number at a time, and tells whether there
	// are more. See [KeepForgetting].
	Forget(ctx context.Context, keep int) (more bool, err error)

	// Close waits for running calls and lets go of the files. Later calls fail
	// with ErrClosed.
	Close() error
}
