package heap

import (
	"bytes"
	"testing"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// TestNegativeIndex has an index of 2^31 and more as newer versions of V8 write it.
func TestNegativeIndex(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	g.Node("phones", "object", "Object", 64)
	g.Node("last", "object", "Object", 64)
	g.Edge(heaptest.Root, "shortcut", "phones", "phones")
	g.Edge("phones", "element", "139417173", "last")
	g.Edge("phones", "element", "39417097", "phones")
	b := g.Bytes(t)
	for _, index := range []string{"139417173", "39417097"} {
		b = bytes.Replace(b, []byte(","+index), []byte(",-"+index), 1)
	}
	s, err := Parse(t.Context(), bytes.NewReader(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1 -element 139417173-> 2", "1 -element 39417097-> 1"}
	if got := lines(s)[1].Out; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %q, want %q", got, want)
	}
}
