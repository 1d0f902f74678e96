// Package http2 serves clients that speak HTTP/2 (RFC 9113). Each stream becomes an
// HTTP/1.1 exchange with the engine in gibbon/data/http1, over a connection in memory: what a
// stream says is written out anew and parsed as strictly as everything else, so
// routing, balancing, plugins and logs know one protocol. Frames, HPACK and flow
// control are those of net/http.
package http2
