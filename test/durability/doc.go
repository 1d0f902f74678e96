// Package durability proves what a store promises, through the Admin API of whole
// programs: nothing that was acknowledged is lost, transactions happen wholly or
// not at all, gateways that share a database end up the same, and the past can be
// brought back byte by byte.
//
// LONG=1 in the environment makes the stories five times as long.
package durability
