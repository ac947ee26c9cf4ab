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

func TestHealthBudgets(t *testing.T) {
	in := []ecs.HealthBudget{{Kind: "container", Name: "api", Budget: time.Minute, Earliest: time.Second, Detail: "d", Skipped: "s"}}
	want := gate.HealthBudget{Kind: "container", Name: "api", Budget: time.Minute, Earliest: time.Second, Detail: "d", Skipped: "s"}
	if got := healthBudgets(in); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v", got)
	}
}
