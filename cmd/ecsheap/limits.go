package main

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/gate"
)

// mebibyte is the unit of memory in ECS.
const mebibyte = 1 << 20

// memoryBounds are the limits that ECS sets: the container's and the task's, of
// which the process often sees neither. The task has them with its overrides; its
// definition may say otherwise. Without an answer there are none.
func memoryBounds(ctx context.Context, client *awsecs.Client, t ecs.Target) []gate.Bound {
	out, err := client.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: aws.String(t.Cluster), Tasks: []string{t.TaskARN}})
	if err != nil || len(out.Tasks) == 0 {
		return nil
	}
	task := out.Tasks[0]
	bounds := bound(nil, "the task", task.Memory)
	for _, c := range task.Containers {
		if aws.ToString(c.Name) == t.Container {
			bounds = bound(bounds, "the container, by ECS", c.Memory)
		}
	}
	return bounds
}

// bound adds a limit that ECS writes as text, in MiB.
func bound(bounds []gate.Bound, name string, memory *string) []gate.Bound {
	n, err := strconv.ParseInt(aws.ToString(memory), 10, 64)
	if err != nil || n <= 0 {
		return bounds // none
	}
	return append(bounds, gate.Bound{Name: name, Limit: n * mebibyte})
}

// healthBudgets are those of ECS as the gate sees them.
func healthBudgets(budgets []ecs.HealthBudget) []gate.HealthBudget {
	var list []gate.HealthBudget
	for _, b := range budgets {
		list = append(list, gate.HealthBudget(b))
	}
	return list
}
