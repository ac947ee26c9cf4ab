package main

import (
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/gate"
)

// memoryBounds are the limits that ECS sets as the gate sees them.
func memoryBounds(limits []ecs.MemoryLimit) []gate.Bound {
	var list []gate.Bound
	for _, l := range limits {
		list = append(list, gate.Bound{Name: l.Name, Limit: l.Bytes})
	}
	return list
}

// lowest is the memory limit that is reached first: the one that the process sees,
// 0 for none, or one of ECS.
func lowest(limit int64, bounds []gate.Bound) int64 {
	for _, b := range bounds {
		if b.Limit > 0 && (limit == 0 || b.Limit < limit) {
			limit = b.Limit
		}
	}
	return limit
}

// scarce is the memory limit with the least room, and what is used of it: the one
// that the process sees (0 = none), or one of ECS, which does not tell what is used:
// it is the process at least.
func scarce(limit, used, rss int64, bounds []gate.Bound) (_, _ int64) {
	for _, b := range bounds {
		if b.Limit > 0 && (limit == 0 || b.Limit-rss < limit-used) {
			limit, used = b.Limit, rss
		}
	}
	return limit, used
}

// healthBudgets are those of ECS as the gate sees them.
func healthBudgets(budgets []ecs.HealthBudget) []gate.HealthBudget {
	var list []gate.HealthBudget
	for _, b := range budgets {
		list = append(list, gate.HealthBudget(b))
	}
	return list
}
