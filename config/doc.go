// Package config is what a user can set: the specification that `sluice spec` prints, the
// Config that it becomes, and the errors that say what is wrong with it.
//
// spec.json is the source. Parse checks a document against it, docs/CONFIG.md is generated
// from it, and a test holds the Go defaults to it. A Go program that embeds sluice starts
// from Default instead, sets what it wants and calls Validate.
//
// No error, warning, log line or JSON that comes from here shows the value of a secret.
package config

//go:generate go run ../internal/configdoc -o ../docs/CONFIG.md
