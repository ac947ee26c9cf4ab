package main

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecsheap/ecsheap/ecs"
)

// waitEvery is the pause between two looks at a task that is starting: the calls of an
// account share a budget, and an agent needs tens of seconds.
const waitEvery = 5 * time.Second

// findWaiting finds the target. With --wait it looks again while the task is not there
// yet, or its agent is not, and then returns what there is.
func findWaiting(ctx context.Context, u *ui, o checkOptions, cfg aws.Config, client *awsecs.Client) (ecs.Target, error) {
	target, err := o.find(ctx, u, cfg)
	if o.wait == 0 {
		return target, err
	}
	end := time.Now().Add(o.wait)
	for told := ""; ; {
		lacks, again := waitFor(target, err)
		left := time.Until(end)
		if !again || left <= 0 {
			return target, err
		}
		if lacks != told { // once for each step on the way
			u.step("waiting up to %s: %s", left.Round(time.Second), lacks)
			told = lacks
		}
		if !pause(ctx, min(waitEvery, left)) {
			return target, context.Cause(ctx)
		}
		if err == nil { // a choice is not asked for again
			target, err = ecs.Refresh(ctx, client, target)
		} else {
			target, err = o.find(ctx, u, cfg)
		}
	}
}

// waitFor says whether waiting can help, and what is waited for. A cluster or a
// service that is not there is a mistake.
func waitFor(target ecs.Target, err error) (lacks string, again bool) {
	var missing *ecs.NotFoundError
	switch {
	case err == nil:
		return target.Starting()
	case errors.As(err, &missing) && !missing.NoCluster && !missing.NoService && missing.Containers == nil:
		return missing.Error(), true
	}
	return "", false
}
