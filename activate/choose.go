package activate

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Process is a process of the container, for people to choose from.
type Process struct {
	PID    int
	Parent int // 0 for one without a parent in the container
	// Title is the program and its main script, or the title that it gave itself.
	// Arguments are left out: they may hold secrets.
	Title string
}

// String names the process.
func (p Process) String() string { return fmt.Sprintf("process %d (%s)", p.PID, p.Title) }

func (p process) public() Process {
	words := []string{p.Argv0}
	if p.Script != "" {
		words = append(words, p.Script)
	}
	return Process{PID: p.PID, Parent: p.Parent, Title: tail(strings.Join(words, " "))}
}

var (
	nodeName = regexp.MustCompile(`^(node|nodejs)([-.]?v?\d[\d.]*)?$`)

	// launcherScript is the main script of programs that start the application
	// as a child and wait: they take the signal as well, and the port with it.
	launcherScript = regexp.MustCompile(`^(npm|npm-cli|npx|npx-cli|yarn(-[\w.]+)?|yarnpkg|pnpm|pnpx|corepack|nodemon|forever|monitor|` +
		`pm2|pm2-runtime|pm2-docker|cross-env|cross-env-shell|env-cmd|dotenv|concurrently|tsx)(\.[cm]?js)?$`)
	launcherTitle = regexp.MustCompile(`^(npm|npx|yarn|pnpm|PM2) `)

	// launcherPath is that of packages whose main script has a common name.
	launcherPath = regexp.MustCompile(`/node_modules/(npm|yarn|pnpm|corepack|nodemon|pm2|tsx|cross-env|dotenv-cli|env-cmd|concurrently)/`)

	// agentName begins the names of the SSM agent's processes: what descends from
	// them is somebody's session, ours included.
	agentName = regexp.MustCompile(`^(amazon-ssm|ssm-)`)
)

// isNode tells whether a process runs Node.js. Where its binary may not be seen
// (of another user, without SYS_PTRACE) its threads tell, and its command line.
func (p process) isNode() bool {
	if p.Exe != "" {
		return p.Same || nodeName.MatchString(p.Exe)
	}
	for _, name := range p.Threads {
		switch name {
		case "V8Worker", "node-V8Worker", "DelayedTaskSche", "SignalInspector", "MainThread", "node-MainThread":
			return true
		}
	}
	return nodeName.MatchString(p.Name) || nodeName.MatchString(path.Base(p.Argv0)) || p.isLauncher()
}

// isLauncher tells whether a process only starts and watches the application.
func (p process) isLauncher() bool {
	return launcherTitle.MatchString(p.Argv0+" ") || launcherPath.MatchString(p.Script) ||
		launcherScript.MatchString(path.Base(p.Script)) || slices.Contains(p.Options, "--watch")
}

// choose finds the process that is meant.
func choose(s survey, pid int) (process, error) {
	var all, applications []process
	for _, p := range s.Processes {
		if !p.isNode() || s.ofSession(p) || strings.HasPrefix(p.State, "Z") {
			continue
		}
		all = append(all, p)
		if !p.isLauncher() {
			applications = append(applications, p)
		}
	}
	slices.SortFunc(applications, func(a, b process) int { return cmp.Compare(a.PID, b.PID) })
	if pid != 0 {
		for _, p := range all {
			if p.PID == pid {
				return p, nil
			}
		}
		return process{}, &NoProcessError{PID: pid, Processes: public(applications)}
	}
	switch len(applications) {
	case 0:
		return process{}, &NoProcessError{Processes: public(all)}
	case 1:
		return applications[0], nil
	}
	return process{}, &AmbiguousError{Processes: public(applications)}
}

func public(all []process) []Process {
	out := make([]Process, len(all))
	for i, p := range all {
		out[i] = p.public()
	}
	return out
}

// ofSession tells whether a process is the script itself, or belongs to it or to
// another session of the SSM agent.
func (s survey) ofSession(p process) bool {
	parents := map[int]process{}
	for _, each := range s.Processes {
		parents[each.PID] = each
	}
	for range s.Processes { // a chain is no longer than this, whatever the answer says
		if p.PID == s.Self || agentName.MatchString(p.Name) {
			return true
		}
		next, ok := parents[p.Parent]
		if !ok {
			return false
		}
		p = next
	}
	return false
}

// open finds the inspector of a process that has one: by who holds the port or,
// where that may not be seen, by the port that the process would open.
func (s survey) open(p process, expected int) (Activation, bool) {
	for _, each := range s.Ports {
		if each.Inspector != "" && slices.Contains(each.PIDs, p.PID) {
			return Activation{Process: p.public(), Port: each.Port, NodeVersion: each.Inspector, Sure: true}, true
		}
	}
	if p.Seen {
		return Activation{}, false
	}
	for _, each := range s.Ports {
		if each.Inspector != "" && len(each.PIDs) == 0 && (each.Port == s.inspectPort(p) || each.Port == expected) {
			return Activation{Process: p.public(), Port: each.Port, NodeVersion: each.Inspector}, true
		}
	}
	return Activation{}, false
}

// inspectOption is an option that names the inspector's port, with a host or
// without.
var inspectOption = regexp.MustCompile(`^--(?:inspect|inspect-brk|inspect-wait|inspect-port|debug-port)=(?:.*:)?(\d+)$`)

// inspectPort is the port that a process opens on SIGUSR1: its own options
// count more than those of the environment, which the script has inherited from
// the container as the process has. 0 is any.
func (s survey) inspectPort(p process) int {
	port := DefaultPort
	for _, option := range slices.Concat(s.Options, p.Options) {
		if m := inspectOption.FindStringSubmatch(option); m != nil {
			if n, err := strconv.ParseUint(m[1], 10, 16); err == nil {
				port = int(n)
			}
		}
	}
	return port
}

// obstacle says why the signal must not be sent, or would be sent in vain.
func (s survey) obstacle(p process, force bool) error {
	refuse := func(reason Reason, detail string) error {
		return &RefusedError{Process: p.public(), Reason: reason, Detail: detail}
	}
	switch {
	case strings.HasPrefix(p.State, "T") || strings.HasPrefix(p.State, "t"):
		return refuse(ReasonStopped, "")
	case p.Blocked || p.Ignored || !p.Caught:
		return refuse(ReasonDisabled, "")
	}
	for _, option := range slices.Concat(s.Options, p.Options) {
		if name, signal, ok := strings.Cut(option, "="); ok && signal == "SIGUSR1" {
			return refuse(ReasonOption, name)
		}
	}
	expected := s.inspectPort(p)
	for _, each := range s.Ports {
		if expected != 0 && each.Port == expected {
			return refuse(ReasonPortTaken, s.holder(each))
		}
	}
	if p.Mentions && !force {
		return refuse(ReasonHandler, p.Script)
	}
	return nil
}

// holder names a port and who listens on it.
func (s survey) holder(held port) string {
	text := fmt.Sprintf("port %d", held.Port)
	if held.Inspector != "" {
		text += ", an inspector"
	}
	for _, p := range s.Processes {
		if slices.Contains(held.PIDs, p.PID) {
			text += " of " + p.public().String()
		}
	}
	return text
}
