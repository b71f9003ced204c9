//go:build !race

package stages

const allowedAllocs = 5
