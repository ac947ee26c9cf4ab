package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// The command categories of the help.
const (
	categoryCapture = "CAPTURE"
	categorySetup   = "SETUP"
)

// newApp builds the command tree. It cures the habits of urfave/cli that users
// of other tools trip over: help on stdout after an error, os.Exit inside Run,
// exit code 3 for an unknown command, -v for the version.
func newApp(ui *ui) *cli.App {
	app := &cli.App{
		Name:            "ecsheap",
		Usage:           "find memory leaks in Node.js services on AWS ECS",
		UsageText:       "ecsheap snapshot --cluster X --task Y\necsheap COMMAND [flags]",
		Description:     "Takes heap snapshots of a running container through ECS Exec, without a redeploy.\nTry `ecsheap demo`: it needs Node.js but no AWS account.\n\n" + exitStatus,
		Writer:          ui.out,
		ErrWriter:       ui.err,
		HideVersion:     true,
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // run returns the code; nothing exits inside
		OnUsageError:    usageProblem,
		Flags:           []cli.Flag{&cli.BoolFlag{Name: "version", Usage: "print the version"}},
		Action:          rootAction,
		Commands: []*cli.Command{
			snapshotCommand(ui),
			checkCommand(ui),
			demoCommand(ui),
			completionCommand(ui),
			versionCommand(ui),
		},
	}
	for _, c := range app.Commands {
		c.OnUsageError = usageProblem // not inherited
		c.HideHelpCommand = true
		c.Description = strings.TrimSpace(c.Description + "\n\n" + exitStatus)
	}
	return app
}

const exitStatus = `EXIT STATUS: 0 ok; 1 unexpected; 2 usage; 3 blocked by a check; 4 target not found or ambiguous; 5 AWS refused;
6 connection lost; 7 refused as unsafe; 8 fewer snapshots than asked; 9 leak found; 130 interrupted.`

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
	if near := cli.SuggestCommand(c.App.Commands, name); near != "" {
		hint = "did you mean `ecsheap " + suggested(near) + "`?"
	}
	return &usageError{text: fmt.Sprintf("unknown command %q", name), hint: hint}
}

// suggested takes the name out of the sentence that urfave/cli makes of it.
func suggested(sentence string) string {
	if _, after, ok := strings.Cut(sentence, `"`); ok {
		name, _, _ := strings.Cut(after, `"`)
		return name
	}
	return sentence
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
	return &usageError{text: text, hint: helpHint(c)}
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
			for _, f := range command.Flags {
				for _, n := range f.Names() {
					if n == name {
						return fmt.Sprintf("flags stand after the command: ecsheap %s %s …", command.Name, dashed(name))
					}
				}
			}
		}
		return helpHint(c)
	}
	if near := cli.SuggestFlag(c.Command.Flags, name, false); near != "" {
		return fmt.Sprintf("did you mean %s? %s", near, helpHint(c))
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
	args := c.Args().Slice()
	e := &usageError{text: fmt.Sprintf("unexpected argument %q", args[0]), hint: helpHint(c)}
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") {
			e.hint = fmt.Sprintf("did you mean: ecsheap %s %s", c.Command.Name, strings.Join(args[1:], " "))
			break
		}
	}
	return e
}
