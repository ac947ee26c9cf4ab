package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/ecs"
)

// The flag categories of the help.
const (
	categoryTarget = "Target"
	categoryAWS    = "AWS"
	categoryOutput = "Output"
)

// maxPort is the largest TCP port.
const maxPort = 65535

// targetFlags choose a container; awsFlags come with them.
func targetFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "cluster", Aliases: []string{"c"}, Category: categoryTarget, EnvVars: []string{"ECSHEAP_CLUSTER"}, Usage: "`name` or ARN of the cluster (default: the one in --task, else \"default\")"},
		&cli.StringFlag{Name: "task", Aliases: []string{"t"}, Category: categoryTarget, Usage: "`task`: id, unique beginning of an id, ARN, or address of its page in the console"},
		&cli.StringFlag{Name: "service", Aliases: []string{"s"}, Category: categoryTarget, EnvVars: []string{"ECSHEAP_SERVICE"}, Usage: "`name` of the service"},
		&cli.StringFlag{Name: "family", Category: categoryTarget, Usage: "`name` of the task definition family"},
		&cli.StringFlag{Name: "container", Category: categoryTarget, Usage: "`name` of the container (default: the one that runs Node.js)"},
		&cli.IntFlag{Name: "port", Category: categoryTarget, Value: 9229, Usage: "`port` of the inspector inside the container"},
	}, awsFlags()...)
}

func awsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "profile", Category: categoryAWS, Usage: "`name` of the AWS profile (default: AWS_PROFILE)"},
		&cli.StringFlag{Name: "region", Category: categoryAWS, Usage: "AWS `region` (default: the one in --task, else AWS_REGION or the profile's)"},
	}
}

func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Category: categoryOutput, Value: "text", Usage: "`format` on stdout: text or json"},
		&cli.BoolFlag{Name: "no-color", Category: categoryOutput, Usage: "no colours (also: NO_COLOR)"},
		&cli.BoolFlag{Name: "debug", Category: categoryOutput, Usage: "log what happens on the wire, to stderr"},
	}
}

// targetOptions are the values of the target flags.
type targetOptions struct {
	query           ecs.Query
	port            int
	profile, region string
}

func readTarget(c *cli.Context) (targetOptions, error) {
	o := targetOptions{
		query: ecs.Query{
			Cluster: c.String("cluster"), Service: c.String("service"), Family: c.String("family"),
			Task: c.String("task"), Container: c.String("container"),
		},
		port: c.Int("port"), profile: c.String("profile"), region: c.String("region"),
	}
	if o.port < 1 || o.port > maxPort {
		return o, &usageError{text: fmt.Sprintf("--port %d is no port", o.port), hint: "ports are 1 to 65535; Node.js takes 9229 by default"}
	}
	return o, nil
}

// missingValue refuses a flag whose value looks like the next flag: an empty
// shell variable before it is the usual reason.
func missingValue(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		text, isString := f.(*cli.StringFlag)
		if isString && c.IsSet(text.Name) && strings.HasPrefix(c.String(text.Name), "-") {
			return &usageError{text: fmt.Sprintf("%s needs a value, not %q", dashed(text.Name), c.String(text.Name)), hint: helpHint(c)}
		}
	}
	return nil
}

// needTarget refuses a query that names nothing: a guess would be a capture of
// the wrong service.
func (o targetOptions) needTarget(command string) error {
	if o.query.Task == "" && o.query.Service == "" && o.query.Family == "" {
		return &usageError{
			text: "which task?",
			hint: fmt.Sprintf("ecsheap %s --cluster NAME --task ID, or --service NAME if it runs a single task", command),
		}
	}
	return nil
}

// readOutput applies the output flags to the terminal, first of all, so that
// every later error is told in the wanted way.
func readOutput(c *cli.Context, u *ui) (asJSON bool, err error) {
	if c.Bool("no-color") {
		u.colorOut, u.colorErr = false, false
	}
	format := c.String("output")
	if !slices.Contains(choices("output"), format) {
		return false, &usageError{text: fmt.Sprintf("--output %q is no format", format), hint: "--output text or --output json"}
	}
	u.jsonError = format == "json"
	if err := missingValue(c); err != nil {
		return false, err
	}
	return u.jsonError, noArguments(c)
}
