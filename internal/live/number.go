package live

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
)

// count is a number that people read: 1,234,567.
func count(n int64) string { return humanize.Comma(n) }

// size is what was moved, in the units of disks and networks: 5.3 GB.
func size(bytes int64) string { return humanize.Bytes(uint64(max(bytes, 0))) }

// memory is what is held, in the units of upload.memory_mb: 180 MiB.
func memory(bytes int64) string { return humanize.IBytes(uint64(max(bytes, 0))) }

// rate is how many a second, if there were n in took.
func rate(n int64, took time.Duration) int64 {
	if took <= 0 || n <= 0 {
		return 0
	}
	return int64(float64(n) / took.Seconds())
}

// clock is a time in the precision that one follows it with.
func clock(d time.Duration) string { return d.Truncate(time.Second).String() }

// lasted is a time that is over.
func lasted(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// share is a part of a whole in percent.
func share(part, whole time.Duration) string {
	if whole <= 0 {
		return "0%"
	}
	return fmt.Sprintf("%.0f%%", 100*float64(max(part, 0))/float64(whole))
}

// many is a number with its noun.
func many(n int64, what string) string { return count(n) + " " + noun(n, what) }

func noun(n int64, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}
