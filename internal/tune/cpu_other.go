//go:build !unix

package tune

import "time"

// cpuTime is not known here: that the processor is the limit is not told.
func cpuTime() time.Duration { return 0 }
