package main

import (
	"bufio"
	"slices"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
)

func TestSortClasses(t *testing.T) {
	classes := []heap.Class{
		{Name: "b", Count: 1, Shallow: 30, Retained: 300, Distance: 3},
		{Name: "c", Count: 3, Shallow: 10, Retained: 400, Distance: heap.Unreached},
		{Name: "a", Count: 2, Shallow: 20, Retained: 100, Distance: 2},
		{Name: "d", Count: 2, Shallow: 20, Retained: 200, Distance: 3},
	}
	want := map[string]string{"retained": "cbda", "shallow": "badc", "count": "cadb", "class": "abcd", "distance": "abdc"}
	for _, by := range sortChoices["summary"] {
		sorted := slices.Clone(classes)
		sortClasses(sorted, by)
		var names strings.Builder
		for _, c := range sorted {
			names.WriteString(c.Name)
		}
		if names.String() != want[by] {
			t.Errorf("by %s: %s, want %s", by, &names, want[by])
		}
	}
}

func TestSortDiff(t *testing.T) {
	rows := []heap.DiffRow{
		{Name: "b", New: 1, Deleted: 9, CountDelta: -8, Alloc: 50, Freed: 40, SizeDelta: 10},
		{Name: "c", New: 7, Deleted: 1, CountDelta: 6, Alloc: 10, Freed: 90, SizeDelta: -80},
		{Name: "a", New: 2, Deleted: 2, CountDelta: 0, Alloc: 30, Freed: 10, SizeDelta: 20},
		{Name: "d", New: 2, Deleted: 2, CountDelta: 0, Alloc: 30, Freed: 10, SizeDelta: 20},
	}
	want := map[string]string{"size": "adbc", "count": "cadb", "new": "cadb", "deleted": "badc", "alloc": "badc", "freed": "cbad", "class": "abcd"}
	for _, by := range sortChoices["diff"] {
		sorted := slices.Clone(rows)
		sortDiff(sorted, by)
		var names strings.Builder
		for _, r := range sorted {
			names.WriteString(r.Name)
		}
		if names.String() != want[by] {
			t.Errorf("by %s: %s, want %s", by, &names, want[by])
		}
	}
}

func TestLocationText(t *testing.T) {
	tests := []struct {
		l                *heap.Location
		text, afterClass string
	}{
		{nil, "", "C"},
		{&heap.Location{ScriptID: 9, Script: "file:///srv/app/a.js", Line: 11, Column: 4}, "file:///srv/app/a.js:12:5", "C  a.js:12"},
		{&heap.Location{ScriptID: 9, Script: `C:\app\a.js`, Line: 0}, `C:\app\a.js:1:1`, "C  a.js:1"},
		{&heap.Location{ScriptID: 9, Line: 1}, "script 9:2:1", "C  script 9:2"},
		{&heap.Location{Script: "a\x1b.js"}, "a\x1b.js:1:1", `C  a\u001b.js:1`},
	}
	for _, tt := range tests {
		if got := locationText(tt.l); got != tt.text {
			t.Errorf("got %q, want %q", got, tt.text)
		}
		if got := className("C", tt.l); got != tt.afterClass {
			t.Errorf("got %q, want %q", got, tt.afterClass)
		}
	}
}

func TestDistanceText(t *testing.T) {
	for d, want := range map[int]string{0: "0", 12: "12", heap.Unreached: "-", heap.SystemDistance: "-", heap.SystemDistance + 3: "-"} {
		if got := distanceText(d); got != want {
			t.Errorf("distanceText(%d) = %s, want %s", d, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	tests := []struct {
		part, whole int64
		want        string
	}{{1, 2, "50"}, {2, 3, "67"}, {1, 1000, "0"}, {5, 5, "100"}, {1, 0, ""}}
	for _, tt := range tests {
		if got := percent(tt.part, tt.whole); got != tt.want {
			t.Errorf("percent(%d, %d) = %q, want %q", tt.part, tt.whole, got, tt.want)
		}
	}
}

func TestPrintRest(t *testing.T) {
	tests := []struct {
		left, all int
		want      string
	}{
		{0, 3, ""},
		{0, 0, "no class\n"},
		{1, 3, "… and 1 more class (--limit 0 prints all)\n"},
		{1200, 1300, "… and 1,200 more classes (--limit 0 prints all)\n"},
	}
	for _, tt := range tests {
		got := written(func(w *bufio.Writer) { printRest(w, tt.left, tt.all, "class", "classes") })
		if got != tt.want {
			t.Errorf("%d of %d left: %q, want %q", tt.left, tt.all, got, tt.want)
		}
	}
}
