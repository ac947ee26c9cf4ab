package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awscloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecsheap/ecsheap/ecs"
)

// usageTimeout is how long somebody at the terminal waits for the memory column of
// the list.
const usageTimeout = 3 * time.Second

// find returns the container that the command line means. Where several fit, --pick
// chooses, or whoever sits at the terminal; elsewhere that is an
// [*ecs.AmbiguousError].
func (o targetOptions) find(ctx context.Context, u *ui, cfg aws.Config) (ecs.Target, error) {
	s := newSelection(u, o, cfg)
	target, err := s.find(ctx)
	var several *ecs.AmbiguousError
	for errors.As(err, &several) && (o.ask || o.pick != "" && several.What == "task") {
		switch several.What {
		case "cluster":
			if s.query.Cluster, err = s.cluster(ctx, several); err == nil {
				target, err = s.find(ctx)
			}
		case "task":
			target, err = s.task(ctx, several.Tasks)
		default:
			target, err = s.container(ctx, several.Tasks[0], several)
		}
	}
	return target, err
}

// selection is the choice of one of several things that fit.
type selection struct {
	targetOptions
	u       *ui
	client  *awsecs.Client
	metrics *awscloudwatch.Client
}

func newSelection(u *ui, o targetOptions, cfg aws.Config) selection {
	cfg.Retryer = func() aws.Retryer { return newPatient(o.log) }
	return selection{targetOptions: o, u: u, client: awsecs.NewFromConfig(cfg), metrics: awscloudwatch.NewFromConfig(cfg)}
}

// find is ecs.Find. The only task of a cluster is as good as any, but when nobody
// has asked for it, it must be asked for.
func (s selection) find(ctx context.Context) (ecs.Target, error) {
	target, err := ecs.Find(ctx, s.client, s.query)
	if !s.namesNothing() {
		return target, err
	}
	var several *ecs.AmbiguousError
	switch {
	case err == nil:
		return s.task(ctx, []ecs.Target{target})
	case errors.As(err, &several) && several.What == "container":
		return s.task(ctx, several.Tasks)
	}
	return target, err
}

func (s selection) cluster(ctx context.Context, several *ecs.AmbiguousError) (string, error) {
	p := &picker{title: "Which cluster?", columns: []pickColumn{{title: "CLUSTER"}}}
	for _, c := range several.Candidates {
		p.add("", c.Name)
	}
	i, err := s.u.pick(ctx, p)
	if err != nil {
		return "", err
	}
	return several.Candidates[i].Name, nil
}

func (s selection) task(ctx context.Context, tasks []ecs.Target) (ecs.Target, error) {
	usage, missing, err := s.usage(ctx, tasks)
	if err != nil {
		return ecs.Target{}, err
	}
	if s.pick != "" {
		target, why := ecs.PickTask(tasks, s.pick, usage, missing)
		s.u.step("%s", why)
		return ecs.Choose(ctx, s.client, target, s.query.Container)
	}
	ranked := ecs.Rank(tasks, usage)
	i, err := s.u.pick(ctx, taskPicker(ranked, time.Now()))
	if err != nil {
		return ecs.Target{}, err
	}
	return ecs.Choose(ctx, s.client, ranked[i].Target, s.query.Container)
}

// usage asks for the tasks' memory if that is of use.
func (s selection) usage(ctx context.Context, tasks []ecs.Target) (usage map[string]ecs.Usage, missing string, err error) {
	switch s.pick {
	case ecs.Oldest, ecs.Newest:
		return nil, "", nil
	case ecs.Hungriest:
		return ecs.MemoryUsage(ctx, s.metrics, tasks)
	}
	short, cancel := context.WithTimeout(ctx, usageTimeout)
	defer cancel()
	usage, missing, _ = ecs.MemoryUsage(short, s.metrics, tasks)
	return usage, missing, context.Cause(ctx)
}

func (s selection) container(ctx context.Context, target ecs.Target, several *ecs.AmbiguousError) (ecs.Target, error) {
	i, err := s.u.pick(ctx, containerPicker(ecs.Rank([]ecs.Target{target}, nil)[0], several.Candidates))
	if err != nil {
		return target, err
	}
	return ecs.Choose(ctx, s.client, target, several.Candidates[i].Name)
}

const (
	// throttledTries is how often a call is made that AWS throttles: with pauses of
	// at most throttledPause between them that outlasts the bursts of other clients
	// of the account.
	throttledTries = 10
	throttledPause = 5 * time.Second

	// otherTries is the SDK's own count, for all else that may be tried again.
	otherTries = retry.DefaultMaxAttempts
)

// patient is the SDK's retryer with more patience for throttling alone: a listing
// makes calls in bursts, and what it is refused is there a moment later.
type patient struct {
	aws.RetryerV2
	throttled retry.IsErrorThrottles
	log       *slog.Logger // nil = silent
}

func newPatient(log *slog.Logger) patient {
	return patient{
		RetryerV2: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = throttledTries, throttledPause
			o.RateLimiter = ratelimit.None // hundreds of calls in a row that wait for the same limit are no outage
		}),
		throttled: retry.DefaultThrottles,
		log:       log,
	}
}

// RetryDelay gives up early on everything but throttling.
func (p patient) RetryDelay(attempt int, err error) (time.Duration, error) {
	throttled := p.throttled.IsErrorThrottle(err) == aws.TrueTernary
	if !throttled && attempt >= otherTries {
		return 0, err
	}
	delay, delayErr := p.RetryerV2.RetryDelay(attempt, err)
	if p.log != nil && delayErr == nil {
		p.log.Debug("trying an AWS call again", "throttled", throttled, "attempt", attempt+1, "in", delay.Round(time.Millisecond).String(), "err", oneLine(fmt.Sprint(err)))
	}
	return delay, delayErr
}
