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

// healthBudgets are those of ECS as the gate sees them.
func healthBudgets(budgets []ecs.HealthBudget) []gate.HealthBudget {
	var list []gate.HealthBudget
	for _, b := range budgets {
		list = append(list, gate.HealthBudget(b))
	}
	return list
}
