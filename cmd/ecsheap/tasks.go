package main

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/ecs"
)

func tasksCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "tasks", Category: categoryCapture,
		Usage:     "list running tasks and containers, the best to take a snapshot of first",
		UsageText: "ecsheap tasks --cluster X --service Y",
		Description: "Order: those that a session can be opened to; of them those that stay (not unhealthy, not of an old revision); of them the\n" +
			"hungriest by the share of their memory, where Container Insights with enhanced observability knows it; then the oldest.\n" +
			"Changes nothing. What the caller may not ask is \"-\", and said on stderr.",
		Flags: slices.Concat([]cli.Flag{clusterFlag(), serviceFlag(), familyFlag()}, awsFlags(), outputFlags()),
		Action: func(c *cli.Context) error {
			asJSON, err := readOutput(c, u)
			if err != nil {
				return err
			}
			o := targetOptions{
				query:   fromEnvironment(c, ecs.Query{Cluster: c.String("cluster"), Service: c.String("service"), Family: c.String("family")}),
				ask:     u.picks(),
				profile: c.String("profile"), region: c.String("region"),
				json: asJSON, log: debugLog(u, c.Bool("debug")),
			}
			return because(c.Context, runTasks(c.Context, u, o))
		},
	}
}

func runTasks(ctx context.Context, u *ui, o targetOptions) error {
	cfg, err := loadAWS(ctx, u, o)
	if err != nil {
		return err
	}
	s := newSelection(u, o, cfg)
	listing, err := ecs.List(ctx, s.client, s.metrics, s.query)
	var several *ecs.AmbiguousError
	if errors.As(err, &several) && o.ask { // of clusters: all tasks are wanted
		if s.query.Cluster, err = s.cluster(ctx, several); err == nil {
			listing, err = ecs.List(ctx, s.client, s.metrics, s.query)
		}
	}
	if err != nil {
		return err
	}
	now := time.Now()
	if o.json {
		return u.json(newTasksJSON(listing, cfg.Region, now))
	}
	of := listing.Cluster
	if name := cmp.Or(o.query.Service, o.query.Family); name != "" {
		of += "/" + path.Base(name) // of an ARN the name
	}
	u.step("%s in %s: %s", of, cfg.Region, plural(len(listing.Tasks), "running task"))
	for _, missing := range listing.Missing {
		u.step("not known: %s", missing)
	}
	u.flush()
	return u.printTasks(listing.Tasks, now)
}
