// Package storetest holds what every store must do.
package storetest
