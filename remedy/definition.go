package remedy

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/ecsheap/ecsheap/ecs"
)

// definitionRows are the remedies that are changes of the task definition. All of
// them come with a new revision, and so with new tasks.
func definitionRows() map[string]row {
	return map[string]row{
		"node.inspect":     {what: "start Node.js with its inspector, on 127.0.0.1; or, without new tasks: ecsheap snapshot --activate", as: Replaces, needs: ecs.ParamContainer, edits: inspectEdits},
		"node.inspect-brk": {what: "do not wait for a debugger", as: Replaces, edits: waitEdits},
		"net.exposed":      {what: "let the inspector listen on 127.0.0.1 alone", as: Replaces, edits: exposedEdits},
		"net.mapping9229":  {what: "take the port mapping out: the tunnel needs none", as: Replaces, edits: mappingEdits},
		"net.mode": {what: "give the containers a network", as: Replaces, edits: func(ecs.Finding, params) []edit {
			return []edit{set("", "awsvpc", "networkMode")}
		}},
		"fs.readonly": {what: "give the agent places to write (AWS does not support it; look at exec.agent afterwards)", as: Replaces, needs: ecs.ParamContainer, edits: writableEdits},
		"proc.init": {what: "have an init process take care of children", as: Replaces, edits: func(_ ecs.Finding, p params) []edit {
			return []edit{set(p[ecs.ParamContainer], true, "linuxParameters", "initProcessEnabled")}
		}},
		"role.envkeys": {what: "take keys out that override the task role", as: Replaces, edits: keyEdits},
		"mem.limits":   {what: "set a hard limit, so that the kernel spares the neighbours", as: Replaces},
		"mem.oldspace": {what: "have V8 report a full heap before the kernel kills the process", as: Replaces, edits: oldSpaceEdits},
		"mem.headroom": {what: "more memory for the next tasks, or a way that needs none: ecsheap profile", as: None},
		"hc.container": {what: "have the health check wait longer before it gives the container up", as: Replaces, needs: ecs.ParamContainer, edits: func(_ ecs.Finding, p params) []edit {
			return []edit{
				set(p[ecs.ParamContainer], patientInterval, "healthCheck", "interval"),
				set(p[ecs.ParamContainer], containerRetries, "healthCheck", "retries"),
			}
		}},
	}
}

func inspectEdits(_ ecs.Finding, p params) []edit {
	return []edit{option(p[ecs.ParamContainer], "--inspect=127.0.0.1:"+p.get(ecs.ParamPort))}
}

func waitEdits(_ ecs.Finding, p params) []edit {
	return []edit{swap(p[ecs.ParamContainer], "--inspect[-_](brk|wait)", "--inspect-brk", "--inspect")}
}

func oldSpaceEdits(_ ecs.Finding, p params) []edit {
	if p[ecs.ParamOldSpace] == "" {
		return nil
	}
	return []edit{swap(p[ecs.ParamContainer], "--max[-_]old[-_]space[-_]size=[0-9]+", "what is there", "--max-old-space-size="+p[ecs.ParamOldSpace])}
}

// exposedEdits has the inspector listen on the loopback address, at the port that it
// has, and nobody else be led to it.
func exposedEdits(f ecs.Finding, p params) []edit {
	host, flag, word := p[ecs.ParamHost], p[ecs.ParamHostFlag], `--inspect([-_](brk|wait))?`
	if flag == "--inspect-port" {
		word = `--(inspect|debug)[-_]port`
	}
	address := `=\[?` + regexp.QuoteMeta(host) + `\]?`
	edits := []edit{swap(p[ecs.ParamContainer], word+address, flag+"="+host, flag+"=127.0.0.1")}
	return append(edits, mappingEdits(f, p)...)
}

func mappingEdits(_ ecs.Finding, p params) []edit {
	port, err := strconv.Atoi(p[ecs.ParamPort])
	if err != nil || p[ecs.ParamMapping] == "" { // none, or a range: the rest of that is somebody's
		return nil
	}
	return []edit{drop(p[ecs.ParamContainer], "containerPort", port, "portMappings")}
}

// writableEdits mounts empty volumes where the SSM agent writes.
func writableEdits(_ ecs.Finding, p params) []edit {
	var edits []edit
	for _, v := range []struct{ name, path string }{{"ssm-lib", "/var/lib/amazon/ssm"}, {"ssm-log", "/var/log/amazon/ssm"}} {
		edits = append(edits,
			add("", map[string]any{"name": v.name}, "volumes"),
			add(p[ecs.ParamContainer], map[string]any{"sourceVolume": v.name, "containerPath": v.path, "readOnly": false}, "mountPoints"))
	}
	return edits
}

func keyEdits(_ ecs.Finding, p params) []edit {
	var edits []edit
	for _, kept := range []struct{ names, list string }{{p[ecs.ParamKeys], "environment"}, {p[ecs.ParamSecretKeys], "secrets"}} {
		for name := range strings.FieldsSeq(kept.names) {
			edits = append(edits, drop(p[ecs.ParamContainer], "name", name, kept.list))
		}
	}
	return edits
}
