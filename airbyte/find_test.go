package airbyte

import (
	"fmt"
	"testing"
)

// Twice, since what is found once is remembered; the names of three namespaces share what
// they are remembered by.
func TestFindsEveryStream(t *testing.T) {
	var ids []StreamID
	for i := range 3000 {
		ids = append(ids, StreamID{Namespace: fmt.Sprint("ns", i%3), Name: fmt.Sprint("s", i/3)})
	}
	d := NewDecoder(ids)
	for range 2 {
		for i, id := range ids {
			if got := d.find([]byte(id.Namespace), []byte(id.Name)); int(got) != i {
				t.Fatalf("%v is stream %d, want %d", id, got, i)
			}
			if got := d.find([]byte("ns3"), []byte(id.Name)); got != -1 {
				t.Fatalf("ns3.%s is stream %d, want none", id.Name, got)
			}
		}
	}
}
