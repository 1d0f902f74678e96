// Package conformance replays recorded exchanges of the reference gateway on
// the program and compares the answers: the Admin API (admin_test.go), the
// proxy (proxy_test.go) and what balancers pick (balancer_test.go). The
// recordings and the lists of what is answered differently, or not yet, are
// in testdata; its README tells their format.
package conformance
