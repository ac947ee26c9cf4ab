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

func TestHealthBudgets(t *testing.T) {
	in := []ecs.HealthBudget{{Kind: "container", Name: "api", Budget: time.Minute, Earliest: time.Second, Detail: "d", Skipped: "s"}}
	want := gate.HealthBudget{Kind: "container", Name: "api", Budget: time.Minute, Earliest: time.Second, Detail: "d", Skipped: "s"}
	if got := healthBudgets(in); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v", got)
	}
}
