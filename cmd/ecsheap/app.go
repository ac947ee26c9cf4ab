package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The command categories of the help.
const (
	categoryCapture = "CAPTURE"
	categoryAnalyse = "ANALYSE"
	categorySetup   = "SETUP"
)

// newApp builds the command tree. It cures the habits of urfave/cli that users
// of other tools trip over: help on stdout after an error, os.Exit inside Run,
// exit code 3 for an unknown command, -v for the version.
func newApp(ui *ui) *app {
	help := &keepError{w: ui.out}
	tree := &cli.App{
		Name:            "ecsheap",
		Usage:           "find memory leaks in Node.js services on AWS ECS",
		UsageText:       "ecsheap snapshot --cluster X --task Y\necsheap COMMAND [flags]",
		Description:     "Takes heap snapshots of a running container through ECS Exec, without a redeploy.\nTry `ecsheap demo`: it needs Node.js but no AWS account.\n\n" + exitStatus,
		Writer:          help,
		ErrWriter:       ui.err,
		HideVersion:     true,
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // run returns the code; nothing exits inside
		OnUsageError:    usageProblem,
		Flags:           []cli.Flag{&cli.BoolFlag{Name: "version", Usage: "print the version"}},
		Action:          rootAction,
		Commands: []*cli.Command{
			snapshotCommand(ui),
			profileCommand(ui),
			tunnelCommand(ui),
			checkCommand(ui),
			tasksCommand(ui),
			fixCommand(ui),
			undoCommand(ui),
			analyzeCommand(ui),
			summaryCommand(ui),
			diffCommand(ui),
			inspectCommand(ui),
			exportCommand(ui),
			redactCommand(ui),
			policyCommand(ui),
			demoCommand(ui),
			completionCommand(ui),
			versionCommand(ui),
		},
	}
	for _, c := range tree.Commands {
		c.OnUsageError = usageProblem // not inherited
		c.HideHelpCommand = true
		c.Description = strings.TrimSpace(c.Description + "\n\n" + exitStatus)
	}
	return &app{App: tree, ui: ui, help: help}
}

const exitStatus = `EXIT STATUS: 0 ok; 1 unexpected; 2 usage; 3 blocked by a check; 4 target not found or ambiguous; 5 AWS refused or out of
reach; 6 connection lost; 7 refused as unsafe; 8 fewer snapshots than asked; 9 leak found; 130 interrupted.`

// rootAction runs when no command was recognised.
func rootAction(c *cli.Context) error {
	if c.Bool("version") {
		return printVersion(c)
	}
	if c.NArg() == 0 {
		return cli.ShowAppHelp(c)
	}
	name := c.Args().First()
	hint := "`ecsheap --help` lists the commands"
	names := []string{helpCommand}
	for _, command := range c.App.Commands {
		names = append(names, command.Name)
	}
	if near := nearest(name, names); near != "" {
		hint = "did you mean `ecsheap " + near + "`?"
	}
	return &usageError{text: fmt.Sprintf("unknown command %q", name), hint: hint}
}

// usageProblem words what package flag has to say.
func usageProblem(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		name = strings.TrimPrefix(name, "-")
		return &usageError{text: "unknown flag " + dashed(name), hint: flagHint(c, name)}
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return &usageError{text: dashed(strings.TrimPrefix(name, "-")) + " needs a value", hint: helpHint(c)}
	}
	if m := valueProblem.FindStringSubmatch(text); m != nil {
		return wrongValue(c, m[1], m[2], m[3])
	}
	return &usageError{text: text, hint: helpHint(c)}
}

// valueProblem is what package flag says of a value: the value in quotes, the
// flag, the reason.
var valueProblem = regexp.MustCompile(`^invalid (?:boolean )?value ("(?:[^"\\]|\\.)*") for (?:flag )?-+([^:]+): (.*)$`)

// wrongValue says what kind of value the flag takes.
func wrongValue(c *cli.Context, quoted, name, reason string) error {
	is, hint := "no value for it", helpHint(c)
	switch flagNamed(c.Command, name).(type) {
	case *cli.DurationFlag:
		is, hint = "no duration", "for example 5s, 10m"
	case *cli.IntFlag:
		is, hint = "no number", "a whole number is wanted; "+hint
	case *cli.BoolFlag:
		is = "neither true nor false"
	}
	if strings.HasSuffix(reason, "out of range") {
		is = "out of range"
	}
	return &usageError{text: fmt.Sprintf("%s %s is %s", dashed(name), quoted, is), hint: hint}
}

// flagNamed returns the command's flag with the name or alias, or nil.
func flagNamed(command *cli.Command, name string) cli.Flag {
	for _, f := range command.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// flagHint suggests where an unknown flag belongs: after a command, or
// another spelling.
func flagHint(c *cli.Context, name string) string {
	if c.Command == nil || c.Command.Name == c.App.Name || c.Command.Name == "" {
		for _, command := range c.App.Commands {
			if flagNamed(command, name) != nil {
				return fmt.Sprintf("flags stand after the command: ecsheap %s %s …", command.Name, dashed(name))
			}
		}
	}
	var names []string
	for _, f := range c.Command.Flags {
		names = append(names, f.Names()...)
	}
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %s? %s", dashed(near), helpHint(c))
	}
	return helpHint(c)
}

func helpHint(c *cli.Context) string {
	if c.Command == nil || c.Command.Name == c.App.Name || c.Command.Name == "" {
		return "`ecsheap --help` lists the commands"
	}
	return fmt.Sprintf("`ecsheap %s --help` lists the flags", c.Command.Name)
}

// noArguments refuses arguments, which package flag would otherwise let
// swallow every flag behind the first of them.
func noArguments(c *cli.Context) error {
	if c.NArg() == 0 {
		return nil
	}
	e := &usageError{text: fmt.Sprintf("unexpected argument %q", c.Args().First()), hint: helpHint(c)}
	if kept := withoutArguments(c); len(kept) > 0 {
		e.hint = "did you mean: ecsheap " + shellLine(append([]string{c.Command.Name}, kept...)...)
	}
	return e
}
