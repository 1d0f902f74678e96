// Package entity declares what can be configured: services, routes, upstreams,
// consumers and their credentials, certificates, plugins and the rest. Entities
// know neither plane and do no I/O.
//
// Each kind has a file of its own, with the struct, its fields and its rules,
// and a line in NewKinds.
package entity

// The zero value of a field stands for null wherever the field's rules exclude
// it as a value: an empty string, a nil slice or map, an empty foreign key.
// Numbers and booleans that may be null are pointers.
