//go:build !profile

package main

// profile does nothing but in a build with the tag "profile".
func profile() (stop func()) { return func() {} }
