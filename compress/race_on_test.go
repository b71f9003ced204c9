//go:build race

package compress

// raceDetector makes everything ten times as slow, and the long pieces show nothing new to it.
const raceDetector = true
