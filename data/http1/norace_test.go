//go:build !race

package http1

// raceDetector says that the race detector is on.
const raceDetector = false
