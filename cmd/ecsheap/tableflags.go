package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// categoryList is the help's category for the flags of lists.
const categoryList = "List"

// textLimit is how many rows a list has in text unless told otherwise: a
// screen; JSON has all.
const textLimit = 30

// sortChoices are the values of --sort by command, the default first.
var sortChoices = map[string][]string{
	"summary": {"retained", "shallow", "count", "class", "distance"},
	"diff":    {"size", "count", "new", "deleted", "alloc", "freed", "class"},
	"inspect": {"retained", "shallow", "distance", "id"},
}

// listOptions are the values of the flags of lists.
type listOptions struct {
	limit  int // rows at most, 0 for all
	sort   string
	filter string // lower case, "" for all
	json   bool
}

// limitFlag and the flags after it are shared by the commands that print lists.
func limitFlag() cli.Flag {
	return &cli.IntFlag{Name: "limit", Category: categoryList, Value: textLimit, Usage: "`rows` at most, 0 for all (with --output json all unless given)"}
}

// sortFlag sorts by the first of the command's choices unless told otherwise.
func sortFlag(command string) cli.Flag {
	all := sortChoices[command]
	return &cli.StringFlag{Name: "sort", Category: categoryList, Value: all[0], Usage: "`order`: " + strings.Join(all, ", ")}
}

func filterFlag() cli.Flag {
	return &cli.StringFlag{Name: "filter", Category: categoryList, Usage: "only classes whose name has `text` in it, upper or lower case"}
}

// readList reads the flags of lists and those of the output.
func readList(c *cli.Context, u *ui) (listOptions, error) {
	o := listOptions{limit: c.Int("limit"), sort: c.String("sort"), filter: strings.ToLower(c.String("filter"))}
	var err error
	if o.json, err = readFormat(c, u); err != nil {
		return o, err
	}
	if o.limit < 0 {
		return o, &usageError{text: fmt.Sprintf("--limit %d is negative", o.limit), hint: "--limit 0 prints all"}
	}
	if o.json && !c.IsSet("limit") {
		o.limit = 0
	}
	if all := sortChoices[c.Command.Name]; c.IsSet("sort") && !slices.Contains(all, o.sort) {
		return o, &usageError{text: fmt.Sprintf("--sort %q is no order", o.sort), hint: "--sort " + strings.Join(all, ", ")}
	}
	return o, nil
}

// wants tells whether a class passes the filter.
func (o listOptions) wants(class string) bool {
	return o.filter == "" || strings.Contains(strings.ToLower(class), o.filter)
}

// cut returns the rows that the limit leaves.
func cut[T any](o listOptions, rows []T) []T {
	if o.limit > 0 && len(rows) > o.limit {
		return rows[:o.limit]
	}
	return rows
}

// flagsFirst refuses flags behind files: package flag lets the first argument
// swallow them.
func flagsFirst(c *cli.Context, args []string) error {
	if flags, files := splitArguments(c.Command, args); len(flags) > 0 && len(files) > 0 {
		return &usageError{
			text: fmt.Sprintf("flag %s stands behind %q", flags[0], files[0]),
			hint: fmt.Sprintf("flags stand before files; did you mean: ecsheap %s %s", c.Command.Name, strings.Join(append(flags, files...), " ")),
		}
	}
	return nil
}

// fileArguments returns the arguments of a command that works on files, one
// for each name in its usage. Flags behind them are refused.
func fileArguments(c *cli.Context) ([]string, error) {
	names := strings.Fields(c.Command.ArgsUsage)
	args := c.Args().Slice()
	if err := flagsFirst(c, args); err != nil {
		return nil, err
	}
	switch {
	case len(args) > len(names):
		return nil, &usageError{text: fmt.Sprintf("unexpected argument %q", args[len(names)]), hint: helpHint(c)}
	case len(args) < len(names):
		text := "which file?"
		if len(names) > 1 {
			text = fmt.Sprintf("which files? %s wants %d", c.Command.Name, len(names))
		}
		return nil, &usageError{text: text, hint: fmt.Sprintf("ecsheap %s [flags] %s", c.Command.Name, c.Command.ArgsUsage)}
	}
	if slices.Contains(args, "") {
		return nil, &usageError{text: "the name of a file is empty", hint: helpHint(c)}
	}
	return args, nil
}
