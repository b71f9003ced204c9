package meter

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Meter
		f := func(total time.Duration, running int) {
			t.Helper()
			if got := m.Total(); got != total {
				t.Errorf("total: got %s, want %s", got, total)
			}
			if got := m.Running(); got != running {
				t.Errorf("running: got %d, want %d", got, running)
			}
		}
		f(0, 0)
		time.Sleep(time.Hour)
		m.Begin()
		f(0, 1)
		time.Sleep(time.Second)
		f(time.Second, 1) // what is not over counts too
		m.Begin()
		time.Sleep(time.Second)
		f(3*time.Second, 2)
		m.End()
		time.Sleep(time.Second)
		m.End()
		f(4*time.Second, 0)
		time.Sleep(time.Hour)
		f(4*time.Second, 0)
	})
}

// TestMeterOfMany is for the race detector, too.
func TestMeterOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Meter
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				for range 20 {
					m.Begin()
					time.Sleep(time.Millisecond)
					m.End()
				}
			})
		}
		all.Wait()
		if got := m.Total(); got != time.Second {
			t.Errorf("got %s, want 1s", got)
		}
	})
}
