package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// seriesFile writes a snapshot with our objects in it: the sentinel with an id,
// and the marks of the shots with theirs, beside an object with the highest id.
func seriesFile(t *testing.T, sentinels int, id uint64, highest uint64, marks ...uint64) string {
	t.Helper()
	g := heaptest.New(heaptest.Node22)
	for i := range sentinels {
		key := fmt.Sprintf("sentinel%d", i)
		g.Node(key, "object", "EcsheapGuest", 16).ID(id + uint64(2*i))
		g.Edge("root", "property", key, key)
	}
	for i, mark := range marks {
		key := fmt.Sprintf("shot%d", i+1)
		g.Node(key, "object", "Object", 16).ID(mark)
		g.Edge("sentinel0", "property", key, key)
	}
	g.Node("other", "object", "shot9", 16).ID(highest)
	g.Edge("root", "property", "shot7", "other")
	g.Node("native", "native", "elsewhere", 16).ID(1 << 31)
	g.Edge("root", "property", "native", "native")
	return g.File(t)
}

func TestSameIDs(t *testing.T) {
	first := seriesFile(t, 1, 101, 201, 151)
	for name, test := range map[string]struct {
		later string
		want  bool
		err   string
	}{
		"ids continue":                {seriesFile(t, 1, 101, 301, 151, 251), true, ""},
		"another sentinel":            {seriesFile(t, 1, 103, 301, 151, 251), false, ""},
		"an old mark has moved":       {seriesFile(t, 1, 101, 301, 153, 251), false, ""},
		"an old mark is gone":         {seriesFile(t, 1, 101, 301), false, ""},
		"a new mark with an old id":   {seriesFile(t, 1, 101, 301, 151, 199), false, ""},
		"the new mark is the highest": {seriesFile(t, 1, 101, 201, 151, 201), false, ""},
		"no mark":                     {seriesFile(t, 1, 101, 301, 151), false, ""},
		"no sentinel":                 {seriesFile(t, 0, 0, 301), false, "has 0 objects of class EcsheapGuest"},
		"two sentinels":               {seriesFile(t, 2, 101, 301), false, "has 2 objects of class EcsheapGuest"},
		"no file":                     {filepath.Join(t.TempDir(), "absent"), false, "no such file"},
	} {
		got, err := new(idReader).same(t.Context(), first, test.later, 2)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestSameIDsOfASeries compares each snapshot with the one before, and reads none
// twice.
func TestSameIDsOfASeries(t *testing.T) {
	files := []string{seriesFile(t, 1, 101, 201, 151), seriesFile(t, 1, 101, 301, 151, 251), seriesFile(t, 1, 101, 401, 151, 251, 351)}
	r := &idReader{}
	for i := range files[1:] {
		if same, err := r.same(t.Context(), files[i], files[i+1], i+2); err != nil || !same {
			t.Errorf("snapshot %d: %v, %v", i+2, same, err)
		}
		if err := os.Remove(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	if r.ids.marks[3] != 351 || r.ids.highest != heap.ID(401) {
		t.Errorf("%+v", r.ids)
	}
}
