// Package manager holds the stories of the web UI: a real browser clicks through it, against
// a real gateway with real targets that are stopped and started.
//
// The stories are in browser, in the language of the browser; the tests start
// what they need and tell them where it is.
package manager
