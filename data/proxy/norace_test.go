//go:build !race

package proxy

// raceDetector says that the race detector is on.
const raceDetector = false
