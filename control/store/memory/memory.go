// Package memory keeps the configuration in memory, with all the rules of a
// store and nothing on disk.
package memory
