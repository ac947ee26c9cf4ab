package main

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/ecs"
)

// The pauses between looks at a task that is starting grow from the first to the second:
// it may be there in a moment, but an agent needs tens of seconds, and the calls of an
// account share a budget.
const (
	waitFirst = time.Second
	waitMost  = 5 * time.Second
)

// findWaiting finds the target. With --wait it looks again while the task is not there
// yet, or its agent is not, or that is not connected, and then returns what there is.
func findWaiting(ctx context.Context, u *ui, o checkOptions, cfg aws.Config, clients *ecs.Clients) (ecs.Target, error) {
	target, err := o.find(ctx, u, cfg)
	if o.wait == 0 {
		return target, err
	}
	end := time.Now().Add(o.wait)
	next := waitFirst
	for told := ""; ; next = min(2*next, waitMost) {
		lacks, again := waitFor(ctx, clients.SSM, target, err)
		left := time.Until(end)
		if !again || left <= 0 {
			return target, err
		}
		if lacks != told { // once for each step on the way
			u.step("waiting up to %s: %s", left.Round(time.Second), lacks)
			told = lacks
		}
		if !pause(ctx, min(next, left)) {
			return target, context.Cause(ctx)
		}
		if err == nil { // a choice is not asked for again
			target, err = ecs.Refresh(ctx, clients.ECS, target)
		} else {
			target, err = o.find(ctx, u, cfg)
		}
	}
}

// waitFor says whether waiting can help, and what is waited for. A cluster or a
// service that is not there is a mistake.
func waitFor(ctx context.Context, sessions *awsssm.Client, target ecs.Target, err error) (lacks string, again bool) {
	var missing *ecs.NotFoundError
	switch {
	case err == nil:
		if lacks, again = target.Starting(); again {
			return lacks, true
		}
		return "the agent is not connected to Systems Manager", ecs.Connecting(ctx, sessions, target)
	case errors.As(err, &missing) && !missing.NoCluster && !missing.NoService && missing.Containers == nil:
		return missing.Error(), true
	}
	return "", false
}
