package store

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound says that there is no such row, revision or parameter.
	ErrNotFound = errors.New("not found")

	// ErrUnavailable says that the store could not do it now: its disk is full,
	// its file locked, its server away. Nothing was changed. The error that wraps
	// it tells what to do; the store goes on by itself when the cause is gone.
	ErrUnavailable = errors.New("store unavailable")

	// ErrForgotten says that the store no longer keeps a revision: who wanted to
	// follow the changes has to read everything again.
	ErrForgotten = errors.New("revision is no longer kept")

	// ErrClosed says that Close was called.
	ErrClosed = errors.New("store is closed")
)

// A PrimaryKeyError says that a row with the same id exists.
type PrimaryKeyError struct{ Kind, ID string }

// Error names the row.
func (e *PrimaryKeyError) Error() string {
	return fmt.Sprintf("%s %q exists", e.Kind, e.ID)
}

// A UniqueError says that another row has the same unique value.
type UniqueError struct {
	Kind  string
	Key   Key    // the first one in Put.Keys that is taken
	Owner string // id of the row that has it
}

// Error names the value and its owner.
func (e *UniqueError) Error() string {
	return fmt.Sprintf("%s %q has the %s %q already", e.Kind, e.Owner, e.Key.Name, e.Key.Value)
}

// A MissingReferenceError says that a row refers to one that does not exist.
type MissingReferenceError struct {
	Kind string // of the row that refers
	Ref  Ref    // the first one in Put.Refs that leads nowhere
}

// Error names the reference.
func (e *MissingReferenceError) Error() string {
	return fmt.Sprintf("%s of %s: %s %q does not exist", e.Ref.Field, e.Kind, e.Ref.Kind, e.Ref.ID)
}

// A ReferencedError says that a row cannot go because another one refers to it.
type ReferencedError struct {
	Kind, ID     string // the row that should go, or one that would go with it
	ByKind, ByID string // the row that refers to it
}

// Error names both rows.
func (e *ReferencedError) Error() string {
	return fmt.Sprintf("%s %q is referenced by %s %q", e.Kind, e.ID, e.ByKind, e.ByID)
}
