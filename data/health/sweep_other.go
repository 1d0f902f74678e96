//go:build !linux || 386

package health

import (
	"context"
	"errors"
	"time"
)

// A socket is there for Linux only, and not where the system has no calls of their own for sockets.
type socket struct{}

func (socket) close() error { return errors.ErrUnsupported }

func (*probe) bare([]*Subject) bool { return false }

func (*Checker) sweep(context.Context, *Rules, []*Subject, time.Duration) bool { return false }
