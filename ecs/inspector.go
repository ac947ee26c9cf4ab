package ecs

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Inspector is what a task definition and a task's overrides declare about the
// Node.js inspector. An image can declare more (ENV, CMD), so the absence of a
// flag proves nothing.
type Inspector struct {
	Flag   string // as written, "" if none was found
	Where  string // "command", "entryPoint" or "NODE_OPTIONS"
	Host   string // 127.0.0.1 unless a flag says otherwise
	ByPort bool   // Host is what --inspect-port or --debug-port says
	Port   int    // 9229 unless a flag says otherwise
	Waits  bool   // --inspect-brk or --inspect-wait: the service starts only with a debugger
	NoUSR1 bool   // --disable-sigusr1: SIGUSR1 does not open the inspector
}

// Exposed tells whether the inspector listens on more than the loopback
// address.
func (i Inspector) Exposed() bool {
	return i.Flag != "" && i.everywhere()
}

// WouldExpose tells whether an inspector that SIGUSR1 opens would listen on more than the
// loopback address: it takes the host of --inspect-port.
func (i Inspector) WouldExpose() bool {
	return i.Flag == "" && !i.NoUSR1 && i.everywhere()
}

// Apart tells whether the inspector listens on one address that is not loopback: the tunnel
// ends at localhost and does not get there.
func (i Inspector) Apart() bool {
	ip := net.ParseIP(i.Host)
	return i.Flag != "" && ip != nil && !ip.IsUnspecified() && !ip.IsLoopback()
}

func (i Inspector) everywhere() bool {
	if i.Host == "localhost" {
		return false
	}
	ip := net.ParseIP(i.Host)
	return ip == nil || !ip.IsLoopback()
}

// inspector reads the flags of one container. Node.js documents them in
// doc/api/cli.md; later flags win, and the command line wins over NODE_OPTIONS.
func inspector(t Target) Inspector {
	i := Inspector{Host: "127.0.0.1", Port: 9229}
	for _, w := range t.words() {
		i.read(w)
	}
	return i
}

// CommandLine returns the entry point and the command of the container, overrides
// included. What they leave out, the image says.
func (t Target) CommandLine() (entryPoint, command []string) {
	_, d := t.container()
	command = d.Command
	if t.task.Overrides != nil {
		for _, o := range t.task.Overrides.ContainerOverrides {
			if aws.ToString(o.Name) == t.Container && len(o.Command) > 0 {
				command = o.Command
			}
		}
	}
	return d.EntryPoint, command
}

// environmentOf returns the value of a variable of the container, overrides included.
func environmentOf(t Target, d ecstypes.ContainerDefinition, name string) string {
	value := lookup(d.Environment, name)
	if t.task.Overrides == nil {
		return value
	}
	for _, o := range t.task.Overrides.ContainerOverrides {
		if aws.ToString(o.Name) == t.Container && lookup(o.Environment, name) != "" {
			value = lookup(o.Environment, name)
		}
	}
	return value
}

func lookup(env []ecstypes.KeyValuePair, name string) string {
	i := slices.IndexFunc(env, func(kv ecstypes.KeyValuePair) bool { return aws.ToString(kv.Name) == name })
	if i < 0 {
		return ""
	}
	return aws.ToString(env[i].Value)
}

// read takes a flag out of a word.
func (i *Inspector) read(w word) {
	name, value, _ := strings.Cut(w.text, "=")
	switch name = normalFlag(name); name {
	case "--inspect", "--inspect-brk", "--inspect-wait":
		i.Flag, i.Where = w.text, w.where
		i.Waits = name != "--inspect"
		if i.address(value) {
			i.ByPort = false
		}
	case "--inspect-port", "--debug-port":
		if i.address(value) {
			i.ByPort = true
		}
	case "--disable-sigusr1":
		i.NoUSR1 = true
	}
}

// address reads [host:]port, where either may be missing, and tells whether there was a
// host.
func (i *Inspector) address(s string) bool {
	if s == "" {
		return false
	}
	if port, err := strconv.ParseUint(s, 10, 16); err == nil {
		i.Port = int(port)
		return false
	}
	host, portText, err := net.SplitHostPort(s)
	if err != nil {
		i.Host = strings.Trim(s, "[]")
		return true
	}
	i.Host = host
	if port, err := strconv.ParseUint(portText, 10, 16); err == nil {
		i.Port = int(port)
	}
	return true
}

// word is one word of the command line or of NODE_OPTIONS.
type word struct{ text, where string }

// words are all words that Node.js may be started with, in the order in which it
// reads them. Each may come out of a whole shell command.
func (t Target) words() []word {
	_, d := t.container()
	entryPoint, command := t.CommandLine()
	var list []word
	for _, source := range []struct {
		where string
		texts []string
	}{
		{"NODE_OPTIONS", []string{environmentOf(t, d, "NODE_OPTIONS")}}, {"entryPoint", entryPoint}, {"command", command},
	} {
		for _, text := range source.texts {
			for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\n\"';", r) }) {
				list = append(list, word{w, source.where})
			}
		}
	}
	return list
}

// normalFlag spells a flag as the documentation does: Node.js takes underscores
// for hyphens.
func normalFlag(name string) string {
	if !strings.HasPrefix(name, "--") {
		return name
	}
	return strings.ReplaceAll(name, "_", "-")
}
