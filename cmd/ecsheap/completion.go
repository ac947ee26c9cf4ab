package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/ecs"
	iampolicies "github.com/ecsheap/ecsheap/iam-policies"
)

// completeCommand is what the completion scripts call: the words of the
// command line after the program's name follow, the last one being the word
// under the cursor. urfave/cli's own completion dies on half a flag.
const completeCommand = "__complete"

// completions are the scripts, by shell. Where there is no candidate the
// shells complete file names.
var completions = map[string]string{
	"bash": `# bash completion for ecsheap: source <(ecsheap completion bash)
_ecsheap() {
  local IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -o bashdefault -F _ecsheap ecsheap
`,
	"zsh": `#compdef ecsheap
# zsh completion for ecsheap: source <(ecsheap completion zsh)
_ecsheap() {
  local -a candidates
  candidates=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if (( ${#candidates} )) && [[ -n ${candidates[1]} ]]; then compadd -- $candidates; else _files; fi
}
compdef _ecsheap ecsheap
`,
	"fish": `# fish completion for ecsheap: ecsheap completion fish | source
complete -c ecsheap -a '(set -l words (commandline -opc); $words[1] __complete $words[2..] (commandline -ct) 2>/dev/null)'
`,
}

func shells() []string { return []string{"bash", "zsh", "fish"} }

func completionCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "completion", Category: categorySetup, Usage: "print the completion script for a shell",
		ArgsUsage: strings.Join(shells(), "|"),
		Action: func(c *cli.Context) error {
			script, ok := completions[c.Args().First()]
			if !ok || c.NArg() != 1 {
				return &usageError{text: "which shell?", hint: "ecsheap completion bash, zsh or fish"}
			}
			_, err := io.WriteString(u.out, script)
			return err
		},
	}
}

// complete prints the candidates for the last of the words, one a line.
func complete(w io.Writer, words []string) {
	for _, c := range candidates(newApp(&ui{}).App, words) {
		fmt.Fprintln(w, c)
	}
}

// candidates completes commands, their flags, and values with a fixed choice.
func candidates(app *cli.App, words []string) []string {
	word := ""
	if len(words) > 0 {
		word, words = words[len(words)-1], words[:len(words)-1]
	}
	if len(words) == 0 {
		return matching(slices.Concat(commandNames(app), flagNames(app.Flags)), word)
	}
	command := app.Command(words[0])
	switch {
	case words[0] == helpCommand && len(words) == 1:
		return matching(commandNames(app), word)
	case command == nil || slices.Contains(words, "--"): // behind -- stand no flags
		return nil
	case command.Name == "completion" && len(words) == 1:
		return matching(shells(), word)
	case command.Name == "policy" && !strings.HasPrefix(word, "-") && !wantsValue(command, words[len(words)-1]):
		return matching(iampolicies.Names(), word)
	}
	return flagCandidates(command, words, word)
}

func commandNames(app *cli.App) []string {
	names := []string{helpCommand}
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	return names
}

// flagCandidates completes a flag of the command, or the value of one.
func flagCandidates(command *cli.Command, words []string, word string) []string {
	if flag, value, ok := strings.Cut(word, "="); ok && wantsValue(command, flag) {
		values := matching(choices(command.Name, strings.TrimLeft(flag, "-")), value)
		for i, v := range values {
			values[i] = flag + "=" + v
		}
		return values
	}
	// Bash takes --flag=value for three words.
	if n := len(words); word == "=" {
		word = ""
	} else if words[n-1] == "=" {
		words = words[:n-1]
	}
	before := words[len(words)-1]
	if wantsValue(command, before) {
		return matching(choices(command.Name, strings.TrimLeft(before, "-")), word)
	}
	takesFiles := command.ArgsUsage != "" // an empty word may become one: the shell completes it
	if strings.HasPrefix(word, "-") || word == "" && !takesFiles {
		return matching(flagNames(command.Flags), word)
	}
	return nil
}

// wantsValue tells whether word is a flag of the command that takes a value,
// so that the next word is the value.
func wantsValue(command *cli.Command, word string) bool {
	name, isFlag := strings.CutPrefix(strings.TrimPrefix(word, "-"), "-")
	if !isFlag && !strings.HasPrefix(word, "-") {
		return false
	}
	for _, f := range command.Flags {
		if d, ok := f.(cli.DocGenerationFlag); ok && slices.Contains(f.Names(), name) {
			return d.TakesValue()
		}
	}
	return false
}

// choices are the values of a command's flag if it has a fixed choice.
func choices(command, flag string) []string {
	switch flag {
	case "output":
		return []string{"text", "json"}
	case "pick":
		names := []string{}
		for _, p := range ecs.Picks() {
			names = append(names, string(p))
		}
		return names
	case "sort":
		return sortChoices[command]
	case "iac":
		return iacTools
	}
	return nil
}

func flagNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		names = append(names, dashed(f.Names()[0]))
	}
	return append(names, "--help")
}

func matching(all []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !strings.HasPrefix(s, prefix) })
}
