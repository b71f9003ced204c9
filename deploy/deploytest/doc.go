// Package deploytest holds the tests of what is deployed and is no Go: the Helm chart, the compose
// file, the samples for Strimzi. It has no code of its own.
//
// They are rendered by Helm's library and loaded by Compose's, and decoded into the types of
// Kubernetes, where a field that does not exist is an error; what they say of Sluice is held to
// its config, its catalog and its command line. It is a module of its own, so that none of these
// modules is in the engine's.
package deploytest
