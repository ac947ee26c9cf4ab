package main

import (
	"slices"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/gate"
)

func TestMemoryBounds(t *testing.T) {
	got := memoryBounds([]ecs.MemoryLimit{{Name: "the task", Bytes: 2 << 30}})
	if want := []gate.Bound{{Name: "the task", Limit: 2 << 30}}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLowest(t *testing.T) {
	for _, tt := range []struct {
		own  int64
		ecs  []gate.Bound
		want int64
	}{
		{0, nil, 0},
		{5, nil, 5},
		{0, []gate.Bound{{Limit: 0}, {Limit: 7}, {Limit: 3}}, 3},
		{2, []gate.Bound{{Limit: 3}}, 2},
	} {
		if got := lowest(tt.own, tt.ecs); got != tt.want {
			t.Errorf("lowest(%d, %v) = %d, want %d", tt.own, tt.ecs, got, tt.want)
		}
	}
}

func TestScarce(t *testing.T) {
	for _, tt := range []struct {
		limit, used int64
		ecs         []gate.Bound
		want        [2]int64
	}{
		{0, 0, nil, [2]int64{0, 0}},
		{100, 40, nil, [2]int64{100, 40}},
		{0, 0, []gate.Bound{{Limit: 90}, {Limit: 80}}, [2]int64{80, 30}},
		{100, 60, []gate.Bound{{Limit: 80}}, [2]int64{100, 60}}, // a neighbour uses the most of it
	} {
		if limit, used := scarce(tt.limit, tt.used, 30, tt.ecs); [2]int64{limit, used} != tt.want {
			t.Errorf("scarce(%d, %d, 30, %v) = %d, %d, want %v", tt.limit, tt.used, tt.ecs, limit, used, tt.want)
		}
	}
}

func TestHealthBudgets(t *testing.T) {
	in := []ecs.HealthBudget{{Kind: "container", Name: "api", Budget: time.Minute, Earliest: time.Second, Detail: "d", Skipped: "s"}}
	want := gate.HealthBudget{Kind: "container", Name: "api", Budget: time.Minute, Earliest: time.Second, Detail: "d", Skipped: "s"}
	if got := healthBudgets(in); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v", got)
	}
}
