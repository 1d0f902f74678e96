// Package scale measures the program with very many targets: what it takes to
// change one of them, and to probe them all. Its benchmarks run the program as a
// process of its own, so that what they report is the gateway's share only.
package scale
