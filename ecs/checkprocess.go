package ecs

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// agentPaths are where the SSM agent writes.
var agentPaths = []string{"/var/lib/amazon/ssm", "/var/log/amazon/ssm"}

// launchers run Node.js as a child of their own.
var launchers = []string{"npm", "npx", "yarn", "pnpm", "pm2", "pm2-runtime", "nodemon", "forever"}

// inspectFix brings the inspector with the next deployment. In NODE_OPTIONS it would
// also reach npm and every child, which then fight for the port.
const inspectFix = "add --inspect=127.0.0.1:9229 to NODE_OPTIONS, or to the command of node where npm or the like starts it, with the next deployment"

func processRules() []Rule {
	return []Rule{
		{
			ID: "fs.readonly", Defined: true, What: "the agent can write", Worst: Block, Indirect: true,
			Want: "a writable root file system, or volumes at " + strings.Join(agentPaths, " and "), Why: "the SSM agent writes there when it starts",
			judge: judgeReadonly,
		},
		{
			ID: "proc.init", Defined: true, What: "the container has an init process", Worst: Warn,
			Want: "linuxParameters.initProcessEnabled is true", Why: "processes that the agent leaves behind stay as zombies under a Node.js that is pid 1",
			judge: judgeInit,
		},
		{
			ID: "proc.pidmode", Defined: true, What: "containers have processes of their own", Worst: Warn,
			Want: "no pidMode task", Why: "with one process space for all containers a single agent runs, in one of them",
			judge: judgePidMode,
		},
		{
			ID: "node.inspect", Defined: true, What: "an inspector listens", Worst: Block,
			Want: "an inspector on the port", Why: "the heap is read through the inspector of Node.js",
			judge: judgeInspect,
		},
		{
			ID: "node.inspect-brk", Defined: true, What: "the process does not wait for a debugger", Worst: Danger,
			Want: "no --inspect-brk and no --inspect-wait", Why: "with them a new task does not start without a debugger",
			judge: func(f *Facts) Finding {
				i := inspector(f.Target)
				if !i.Waits {
					return fine("it does not")
				}
				return Finding{Level: Danger, Got: fmt.Sprintf("%s in %s", i.Flag, i.Where), Fix: "use --inspect with the next deployment"}
			},
		},
		{
			ID: "node.sigusr1-off", Defined: true, What: "SIGUSR1 can open the inspector", Worst: Warn,
			Want: "no --disable-sigusr1", Why: "--activate opens the inspector of a running process by that signal",
			judge: judgeSignal,
		},
		{
			ID: "node.multiproc", Defined: true, What: "one Node.js process in the container", Worst: Warn,
			Want: "node started as it is", Why: "with several processes the snapshot may be of the wrong one",
			judge: judgeProcesses,
		},
		{
			ID: "node.diag-flags", Defined: true, What: "the process takes snapshots by itself", Worst: Info,
			Want: "to know", Why: "its files may be there already: with the moment that you are looking for",
			judge: judgeDiagnostics,
		},
	}
}

// judgeReadonly takes a running agent for proof that it could write.
func judgeReadonly(f *Facts) Finding {
	_, d := f.Target.container()
	if !aws.ToBool(d.ReadonlyRootFilesystem) {
		return fine("writable")
	}
	if f.agentRuns() {
		return told("read-only, and the agent runs all the same")
	}
	var without []string
	for _, p := range agentPaths {
		if !slices.ContainsFunc(d.MountPoints, func(m ecstypes.MountPoint) bool { return mounted(m, p) }) {
			without = append(without, p)
		}
	}
	if len(without) == 0 {
		return Finding{Level: Warn, Got: "read-only, with volumes where the agent writes", Live: true, Params: namingNoContainer(),
			Fix: "look at exec.agent: AWS does not support ECS Exec with a read-only root, but it can work"}
	}
	return Finding{Level: Block, Got: "read-only, without volumes at " + strings.Join(without, " and "),
		Fix: "add empty volumes there, or readonlyRootFilesystem false, with the next deployment"}
}

// namingNoContainer has a fix name no container: there is nothing to change in its
// definition.
func namingNoContainer() map[string]string { return map[string]string{ParamContainer: ""} }

// mounted tells whether a writable mount covers a path.
func mounted(m ecstypes.MountPoint, p string) bool {
	at := path.Clean("/" + aws.ToString(m.ContainerPath))
	return !aws.ToBool(m.ReadOnly) && (at == "/" || at == p || strings.HasPrefix(p, at+"/"))
}

func judgeInit(f *Facts) Finding {
	if f.Target.windows() {
		return Finding{}
	}
	_, d := f.Target.container()
	if d.LinuxParameters != nil && aws.ToBool(d.LinuxParameters.InitProcessEnabled) {
		return fine("initProcessEnabled is true")
	}
	return Finding{Level: Warn, Got: "initProcessEnabled is not set", Fix: `set "linuxParameters": {"initProcessEnabled": true} with the next deployment`}
}

func judgePidMode(f *Facts) Finding {
	if f.Target.definition.PidMode != ecstypes.PidModeTask {
		return fine("each container has its own")
	}
	found := Finding{Level: Warn, Got: "pidMode task: one agent for all containers", Live: true, Fix: "go by the container whose agent runs (--container)"}
	if names := siblings(f); len(names) > 0 && !f.agentRuns() {
		found.Got += ", in " + names[0]
		found.Fix = "--container " + names[0]
		found.Params = map[string]string{ParamContainer: names[0]}
	}
	return found
}

// judgeInspect says what is declared about the inspector, and when it was asked
// through the tunnel what is really there.
func judgeInspect(f *Facts) Finding {
	i := inspector(f.Target)
	activate := "add --activate to the capture: SIGUSR1 opens the inspector of the running process"
	live := !i.NoUSR1 && !f.Target.windows()
	if !live {
		activate = inspectFix
	}
	if f.Local.Inspector.gap() == nil {
		a := f.Local.Inspector.Value
		if a.Trouble == "" {
			return fine(fmt.Sprintf("%s answers at port %d", a.Version, f.Port))
		}
		found := Finding{Level: Block, Got: fmt.Sprintf("at port %d: %s", f.Port, a.Trouble), Fix: activate, Live: live}
		if i.Flag != "" && i.Port != f.Port {
			found.Got += fmt.Sprintf("; %s in %s", i.Flag, i.Where)
			found.Fix, found.Live, found.Params = fmt.Sprintf("--port %d", i.Port), true, namingNoContainer()
		}
		return found
	}
	switch {
	case i.Flag == "":
		return Finding{Level: Info, Unknown: true, Live: live, Fix: "ask with --probe; if nothing answers, " + activate,
			Got: "nothing declared: the image may start the inspector, or not" + f.Target.otherSources()}
	case i.Apart():
		return Finding{Level: Warn, Got: fmt.Sprintf("%s in %s listens on %s alone, and the tunnel ends at localhost", i.Flag, i.Where, i.Host),
			Fix: "see net.exposed: what mends that mends this too", Params: namingNoContainer()}
	case i.Port != f.Port:
		return Finding{Level: Warn, Got: fmt.Sprintf("%s in %s", i.Flag, i.Where), Fix: fmt.Sprintf("--port %d", i.Port), Live: true, Params: namingNoContainer()}
	}
	return told(fmt.Sprintf("%s in %s", i.Flag, i.Where))
}

// otherSources names where NODE_OPTIONS may come from without our seeing it.
func (t Target) otherSources() string {
	_, d := t.container()
	switch {
	case len(d.EnvironmentFiles) > 0:
		return "; it has environment files too"
	case slices.ContainsFunc(d.Secrets, func(s ecstypes.Secret) bool { return aws.ToString(s.Name) == "NODE_OPTIONS" }):
		return "; NODE_OPTIONS is a secret"
	}
	return ""
}

func judgeSignal(f *Facts) Finding {
	i := inspector(f.Target)
	switch {
	case f.Target.windows():
		return Finding{}
	case !i.NoUSR1:
		return fine("nothing forbids it")
	case i.Flag != "":
		return told("--disable-sigusr1, but the inspector is declared")
	}
	return Finding{Level: Warn, Got: "--disable-sigusr1, and no inspector is declared", Fix: inspectFix}
}

func judgeProcesses(f *Facts) Finding {
	if f.Local.Inspector.gap() == nil && len(f.Local.Inspector.Value.Processes) > 1 {
		return Finding{Level: Warn, Live: true, Fix: "choose one with --process",
			Got: fmt.Sprintf("%d processes answer: %s", len(f.Local.Inspector.Value.Processes), strings.Join(f.Local.Inspector.Value.Processes, ", "))}
	}
	launcher := ""
	for _, w := range f.Target.words() {
		if name := path.Base(w.text); slices.Contains(launchers, name) {
			launcher = name
			break
		}
	}
	if launcher == "" {
		return fine("no sign of more than one")
	}
	found := Finding{Level: Warn, Got: launcher + " starts Node.js", Fix: "see which process answers (--probe), or choose one with --activate --process", Live: true}
	if i := inspector(f.Target); i.Where == "NODE_OPTIONS" {
		found.Got += fmt.Sprintf(", and NODE_OPTIONS has %s for both: who comes first gets the port", i.Flag)
	}
	return found
}

func judgeDiagnostics(f *Facts) Finding {
	var flags []string
	for _, w := range f.Target.words() {
		name, _, _ := strings.Cut(w.text, "=")
		if slices.Contains([]string{"--heapsnapshot-signal", "--heapsnapshot-near-heap-limit", "--diagnostic-dir"}, normalFlag(name)) {
			flags = append(flags, w.text)
		}
	}
	if len(flags) == 0 {
		return Finding{}
	}
	return told(strings.Join(flags, " ") + ": look for Heap.*.heapsnapshot in its working directory")
}
