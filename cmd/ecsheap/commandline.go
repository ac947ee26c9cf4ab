package main

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

// app is the command tree of urfave/cli with what must happen around it.
type app struct {
	*cli.App
	ui   *ui
	help *keepError // what the library writes to
}

// RunContext runs the command line. How errors are told is settled before
// anything is parsed, because parsing may be what fails.
func (a *app) RunContext(ctx context.Context, args []string) error {
	a.ui.jsonError = wantsJSON(args)
	if err := a.App.RunContext(ctx, helpArguments(args)); err != nil {
		return err
	}
	return a.help.err
}

// wantsJSON looks for --output json as package flag would; the last one counts.
func wantsJSON(args []string) bool {
	format := ""
	for i, arg := range args {
		if arg == "--" {
			break
		}
		name, isFlag := strings.CutPrefix(arg, "-")
		name, value, hasValue := strings.Cut(strings.TrimPrefix(name, "-"), "=")
		switch {
		case !isFlag || name != "output":
		case hasValue:
			format = value
		case i+1 < len(args):
			format = args[i+1]
		}
	}
	return format == "json"
}

// helpCommand is not in the command tree, where it would take the place of --help.
const helpCommand = "help"

// helpArguments makes `help` and `help COMMAND` what --help says.
func helpArguments(args []string) []string {
	if len(args) < 2 || args[1] != helpCommand {
		return args
	}
	if len(args) == 2 || args[2] == helpCommand || strings.HasPrefix(args[2], "-") {
		return []string{args[0], "--help"}
	}
	return []string{args[0], args[2], "--help"}
}

// keepError keeps the first error of writing the help, which urfave/cli drops.
// A reader that has seen enough is none.
type keepError struct {
	w   io.Writer
	err error
}

func (k *keepError) Write(p []byte) (int, error) {
	n, err := k.w.Write(p)
	if k.err == nil && !errors.Is(err, syscall.EPIPE) {
		k.err = err
	}
	return n, err
}

// withoutArguments is the command line of c's command, from the flags on, less
// the arguments that it does not take.
func withoutArguments(c *cli.Context) []string {
	all := c.Lineage()[1].Args().Tail() // the parent's first argument is the command
	stray := c.Args().Slice()
	kept := all[:len(all)-len(stray)]
	if n := len(kept); n > 0 && kept[n-1] == "--" {
		kept = kept[:n-1]
	}
	flags, _ := splitArguments(c.Command, stray)
	return append(kept[:len(kept):len(kept)], flags...)
}

// plainWord is a word that means itself in every shell.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellLine writes words so that a shell reads the same words.
func shellLine(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		if quoted[i] = w; !plainWord.MatchString(w) {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// splitArguments tells the flags among the arguments behind the first, with
// their values, from the files.
func splitArguments(command *cli.Command, args []string) (flags, files []string) {
	for i := 0; i < len(args); i++ {
		if a := args[i]; i == 0 || len(a) < 2 || a[0] != '-' {
			files = append(files, a)
			continue
		}
		flags = append(flags, args[i])
		if wantsValue(command, args[i]) && i+1 < len(args) {
			i++
			flags = append(flags, args[i])
		}
	}
	return flags, files
}
