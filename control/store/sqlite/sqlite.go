// Package sqlite keeps the configuration in one SQLite file.
package sqlite
