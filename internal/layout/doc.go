// Package layout holds the tests that keep the house in order: which package may import
// which, how long files and functions may be, where goroutines and output are allowed,
// and that the image starts what it says. It has no code of its own.
package layout
