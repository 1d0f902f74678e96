package main

const (
	// version is the program's own.
	version = "0.1.0"
	// kongVersion is the one whose language the program speaks.
	kongVersion = "3.9.3"
)
