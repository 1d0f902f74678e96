//go:build !race

package gateway

// raceDetector is whether tests, and so the program, run with the detector.
const raceDetector = false
