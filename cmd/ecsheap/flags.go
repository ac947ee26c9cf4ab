package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/gate"
)

// The flag categories of the help.
const (
	categoryTarget = "Target"
	categoryAWS    = "AWS"
	categoryOutput = "Output"
	categorySafety = "Safety"
	categoryS3     = "S3"
)

// maxPort is the largest TCP port.
const maxPort = 65535

// targetFlags choose a container; awsFlags come with them.
func targetFlags() []cli.Flag {
	return append([]cli.Flag{
		clusterFlag(),
		&cli.StringFlag{Name: "task", Aliases: []string{"t"}, Category: categoryTarget, Usage: "`task`: id, unique beginning of an id, ARN, or address of its page in the console"},
		serviceFlag(),
		familyFlag(),
		&cli.StringFlag{Name: "pick", Category: categoryTarget, Usage: "`which` one of several tasks: hungriest, oldest or newest (default: ask on a terminal, else an error)"},
		&cli.StringFlag{Name: "container", Category: categoryTarget, Usage: "`name` of the container (default: the one that runs Node.js)"},
		&cli.IntFlag{Name: "port", Category: categoryTarget, Value: defaultPort, Usage: "`port` of the inspector inside the container"},
	}, awsFlags()...)
}

func clusterFlag() cli.Flag {
	return &cli.StringFlag{Name: "cluster", Aliases: []string{"c"}, Category: categoryTarget, Usage: "`name` or ARN of the cluster (default: the one in an ARN, else ECSHEAP_CLUSTER or ECS_CLUSTER, else the only one, else \"default\")"}
}

func serviceFlag() cli.Flag {
	return &cli.StringFlag{Name: "service", Aliases: []string{"s"}, Category: categoryTarget, Usage: "`name` or ARN of the service (default: ECSHEAP_SERVICE, unless --task or --family is given)"}
}

func familyFlag() cli.Flag {
	return &cli.StringFlag{Name: "family", Category: categoryTarget, Usage: "`name` of the task definition family"}
}

func awsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "profile", Category: categoryAWS, Usage: "`name` of the AWS profile (default: AWS_PROFILE)"},
		&cli.StringFlag{Name: "region", Category: categoryAWS, Usage: "AWS `region` (default: the one in --task, else AWS_REGION or the profile's)"},
	}
}

func outputFlags() []cli.Flag {
	return append(formatFlags(), &cli.BoolFlag{Name: "debug", Category: categoryOutput, Usage: "log what happens on the wire, to stderr"})
}

// formatFlags are the output flags of commands that use no wire.
func formatFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Category: categoryOutput, Value: "text", Usage: "`format` on stdout: text or json"},
		&cli.BoolFlag{Name: "no-color", Category: categoryOutput, Usage: "no colours (also: NO_COLOR)"},
	}
}

// targetOptions are the values of the flags that every command about a task has.
type targetOptions struct {
	query           ecs.Query
	pick            ecs.Pick // "" = ask, or refuse
	ask             bool     // there is a terminal to ask at
	port            int
	profile, region string
	json            bool
	log             *slog.Logger // of --debug, nil = silent
}

// defaultPort is where the inspector of Node.js listens unless told otherwise.
const defaultPort = 9229

// beside are the flags that another command needs to get to the same container
// once its task is known.
func (o targetOptions) beside() []string {
	var flags []string
	if o.port != defaultPort {
		flags = append(flags, "--port", strconv.Itoa(o.port))
	}
	if o.profile != "" {
		flags = append(flags, "--profile", o.profile)
	}
	if o.region != "" {
		flags = append(flags, "--region", o.region)
	}
	return flags
}

func readTarget(c *cli.Context, u *ui) (targetOptions, error) {
	asJSON, err := readOutput(c, u)
	if err != nil {
		return targetOptions{}, err
	}
	o := targetOptions{
		query: ecs.Query{
			Cluster: c.String("cluster"), Service: c.String("service"), Family: c.String("family"),
			Task: c.String("task"), Container: c.String("container"),
		},
		pick: ecs.Pick(c.String("pick")), ask: u.picks(),
		port: c.Int("port"), profile: c.String("profile"), region: c.String("region"),
		json: asJSON, log: debugLog(u, c.Bool("debug")),
	}
	for _, name := range []string{"cluster", "task", "service", "family", "container"} {
		if c.IsSet(name) && strings.TrimSpace(c.String(name)) == "" { // an empty shell variable must not mean any
			return o, &usageError{text: dashed(name) + " needs a value, not \"\"", hint: helpHint(c)}
		}
	}
	o.query = fromEnvironment(c, o.query)
	if c.IsSet("pick") && !slices.Contains(ecs.Picks(), o.pick) {
		return o, &usageError{text: fmt.Sprintf("--pick %q is none", o.pick), hint: "it is one of hungriest, oldest, newest"}
	}
	if o.port < 1 || o.port > maxPort {
		return o, &usageError{text: fmt.Sprintf("--port %d is no port", o.port), hint: "ports are 1 to 65535; Node.js takes 9229 by default"}
	}
	return o, nil
}

// fromEnvironment fills in what the flags leave open. It is no flag's EnvVars,
// because what is set for a whole terminal gives way to a flag that names
// another target, where two flags would contradict each other.
func fromEnvironment(c *cli.Context, q ecs.Query) ecs.Query {
	if !c.IsSet("service") && q.Task == "" && q.Family == "" {
		q.Service = os.Getenv("ECSHEAP_SERVICE")
	}
	if !c.IsSet("cluster") && !q.TellsCluster() {
		q.Cluster = cmp.Or(os.Getenv("ECSHEAP_CLUSTER"), os.Getenv("ECS_CLUSTER"))
	}
	return q
}

// validSeries refuses a series of snapshots that cannot be.
func validSeries(count int, interval time.Duration) error {
	switch {
	case count < 1:
		return &usageError{text: fmt.Sprintf("--count %d is no number of snapshots", count), hint: "--count 3 --interval 10m tells a leak from noise"}
	case interval < 0:
		return &usageError{text: fmt.Sprintf("--interval %s is negative", interval), hint: "for example --interval 10m"}
	}
	return nil
}

// transfers are what --transfer can be.
var transfers = []string{transferAuto, string(gate.Disk), string(gate.Memory), string(gate.S3), string(gate.Stream)}

func validTransfer(transfer string, maxPause time.Duration) error {
	switch {
	case !slices.Contains(transfers, transfer):
		return &usageError{text: fmt.Sprintf("--transfer %q is none", transfer), hint: "it is one of " + strings.Join(transfers, ", ")}
	case maxPause < 0:
		return &usageError{text: fmt.Sprintf("--max-pause %s is negative", maxPause), hint: "for example --max-pause 20s"}
	}
	return nil
}

// validReach refuses flags that lead to no inspector, or to two.
func validReach(c *cli.Context, o reachOptions) error {
	if o.inspector == "" {
		return o.needTarget(o.command)
	}
	if err := validInspector(o.inspector); err != nil {
		return err
	}
	return inspectorAlone(c)
}

// validInspector refuses an address that cannot be dialled.
func validInspector(address string) error {
	host, port, err := net.SplitHostPort(address)
	n, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || host == "" || strings.ContainsAny(host, "/ ") || n < 1 || n > maxPort {
		return &usageError{text: fmt.Sprintf("--inspector %q is no HOST:PORT", address), hint: "for example --inspector 127.0.0.1:9229"}
	}
	return nil
}

// inspectorAlone refuses flags that choose a container beside --inspector, which
// skips AWS: one of them is meant for another command line.
func inspectorAlone(c *cli.Context) error {
	for _, name := range []string{"cluster", "task", "service", "family", "container", "pick"} {
		if c.IsSet("inspector") && c.IsSet(name) {
			return &usageError{text: fmt.Sprintf("--inspector and --%s contradict each other", name), hint: "--inspector skips AWS; drop one of them"}
		}
	}
	return nil
}

// missingValue refuses a flag whose value looks like the next flag: an empty
// shell variable before it is the usual reason.
func missingValue(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		text, isString := f.(*cli.StringFlag)
		if isString && c.IsSet(text.Name) && looksLikeFlag(c.String(text.Name)) {
			return &usageError{text: fmt.Sprintf("%s needs a value, not %q", dashed(text.Name), c.String(text.Name)), hint: helpHint(c)}
		}
	}
	return nil
}

// looksLikeFlag leaves "-" and "-,FILE" out: there it is standard input.
func looksLikeFlag(value string) bool {
	return len(value) > 1 && value[0] == '-' && value[1] != ','
}

// namesNothing tells whether every task of the cluster would do.
func (o targetOptions) namesNothing() bool {
	return o.query.Task == "" && o.query.Service == "" && o.query.Family == ""
}

// needTarget refuses a query that names nothing, where nobody can be asked: a guess
// would be a capture of the wrong service.
func (o targetOptions) needTarget(command string) error {
	if o.namesNothing() && (!o.ask || o.pick != "") {
		return &usageError{
			text: "which task?",
			hint: fmt.Sprintf("ecsheap %s --cluster NAME --task ID, or --service NAME --pick oldest; `ecsheap tasks` lists them", command),
		}
	}
	return nil
}

// readOutput is readFormat for a command that takes no arguments.
func readOutput(c *cli.Context, u *ui) (asJSON bool, err error) {
	if asJSON, err = readFormat(c, u); err != nil {
		return asJSON, err
	}
	return asJSON, noArguments(c)
}

// readFormat applies the output flags to the terminal, first of all, so that
// every later error is told in the wanted way.
func readFormat(c *cli.Context, u *ui) (asJSON bool, err error) {
	if c.Bool("no-color") {
		u.colorOut, u.colorErr = false, false
	}
	format := c.String("output")
	if !slices.Contains(choices(c.Command.Name, "output"), format) {
		return false, &usageError{text: fmt.Sprintf("--output %q is no format", format), hint: "--output text or --output json"}
	}
	u.jsonError = format == "json"
	return u.jsonError, missingValue(c)
}
