package main

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/ecs"
)

// schema is the version of our JSON: fields are added, never renamed.
const schema = 1

func checkCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "check", Category: categoryCapture,
		Usage:       "say what stands between a task and a debugger",
		UsageText:   "ecsheap check --cluster X --task Y",
		Description: "Reads the task and its task definition; changes nothing and opens nothing.",
		Flags:       slices.Concat(targetFlags(), outputFlags()),
		Action: func(c *cli.Context) error {
			asJSON, err := readOutput(c, u)
			if err != nil {
				return err
			}
			o, err := readTarget(c, u)
			if err == nil {
				err = o.needTarget("check")
			}
			if err != nil {
				return err
			}
			return because(c.Context, runCheck(c, u, o, asJSON))
		},
	}
}

func runCheck(c *cli.Context, u *ui, o targetOptions, asJSON bool) error {
	cfg, err := loadAWS(c.Context, u, o)
	if err != nil {
		return err
	}
	target, err := o.find(c.Context, u, cfg, debugLog(u, c.Bool("debug")))
	if err != nil {
		return err
	}
	findings := ecs.Check(target, o.port)
	if asJSON {
		err = u.json(checkJSON{Schema: schema, Target: captureTarget(target), Ready: ecs.Ready(findings), Findings: findings})
	} else {
		err = u.printFindings(target, findings)
	}
	if err != nil {
		return err
	}
	return blocked(findings)
}

// checkJSON is the output of check --output json.
type checkJSON struct {
	Schema   int            `json:"schema"`
	Target   capture.Target `json:"target"`
	Ready    bool           `json:"ready"`
	Findings []ecs.Finding  `json:"findings"`
}

// blocked is the error of findings that rule a capture out, or nil.
func blocked(findings []ecs.Finding) error {
	blocks := slices.DeleteFunc(slices.Clone(findings), func(f ecs.Finding) bool { return f.Level != ecs.Block })
	if len(blocks) == 0 {
		return nil
	}
	return &blockedError{findings: blocks}
}

// levels from the worst to the best, and how they look.
var levels = []struct {
	level       ecs.Level
	word, color string
}{
	{ecs.Block, "BLOCK", red}, {ecs.Danger, "DANGER", red}, {ecs.Warn, "WARN", yellow}, {ecs.Info, "info", ""}, {ecs.OK, "ok", green},
}

// printFindings prints the worst first, each with its fix under it.
func (u *ui) printFindings(t ecs.Target, findings []ecs.Finding) error {
	w := bufio.NewWriter(u.out) // keeps the first error for Flush
	fmt.Fprintf(w, "%s\n", u.paintOut(bold, printable(t.String())))
	for _, l := range levels {
		for _, f := range findings {
			if f.Level != l.level {
				continue
			}
			fmt.Fprintf(w, "  %s%s %-15s %s\n", u.paintOut(l.color, l.word), strings.Repeat(" ", len("DANGER")-len(l.word)), f.ID, printable(f.Got))
			if f.Level != ecs.OK && f.Fix != "" {
				fmt.Fprintf(w, "%25sfix: %s\n", "", printable(f.Fix))
			}
		}
	}
	return w.Flush()
}

// captureTarget is the target as the manifest and the JSON outputs tell it.
func captureTarget(t ecs.Target) capture.Target {
	return capture.Target{
		Cluster: t.Cluster, Service: t.Service, TaskARN: t.TaskARN, TaskDefinitionARN: t.TaskDefinitionARN,
		Container: t.Container, RuntimeID: t.RuntimeID, Image: t.Image, ImageDigest: t.ImageDigest,
	}
}
