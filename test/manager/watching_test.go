package manager

import "testing"

// Nothing moves while a page loads, nothing blinks, numbers stand in columns, and states are words.
func TestPagesAreCalm(t *testing.T) {
	t.Parallel()
	newWorld(t, nil).tell("steady", nil)
}

// The stream rests while nobody looks; targets are acted on by clicking; a theme is kept; references
// are chosen by keyboard.
func TestWatching(t *testing.T) {
	t.Parallel()
	newWorld(t, nil).tell("watching", nil)
}
