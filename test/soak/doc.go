// Package soak sends random traffic through the whole program while its
// configuration changes: every method, bodies of no to some million bytes, every
// framing, HTTP/1.1 and HTTP/2. What arrives at a target and what comes back is
// compared byte by byte.
//
// LONG=1 in the environment sends ten times as much.
package soak
