package sink

import (
	"fmt"
	"testing"
)

// FuzzReplaces: only what Replaces writes is read, so that nothing is deleted by a rule that
// nobody has made.
func FuzzReplaces(f *testing.F) {
	for _, rule := range []string{"all", "", "all ", "generations below 7", "generations below +7", "generations below 07", "generations below -0", "generations below ", "generations below 9223372036854775808"} {
		f.Add(rule, int64(len(rule)))
	}
	f.Fuzz(func(t *testing.T, rule string, n int64) {
		if least, ok := replaces(rule); ok && Replaces(least) != rule {
			t.Fatalf("%q is read as %q", rule, Replaces(least))
		}
		if least, ok := replaces(Replaces(&n)); !ok || least == nil || *least != n {
			t.Fatalf("%q is read as %v, %v", Replaces(&n), fmt.Sprint(least), ok)
		}
	})
}
