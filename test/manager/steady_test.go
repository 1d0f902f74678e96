package manager

import "testing"

// Nothing moves while a page loads, nothing blinks, numbers stand in columns, and states are words.
func TestPagesAreCalm(t *testing.T) {
	t.Parallel()
	newWorld(t, nil).tell("steady", nil)
}
