package remedy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/rogpeppe/go-internal/diff"
)

// Revision is a new revision of a task definition that has several remedies in it.
type Revision struct {
	// Diff is a unified diff of the API's JSON, "" when nothing changes. It shows no
	// value that could be a secret: see masked.
	Diff string `json:"diff"`
	// JQ is the change as a filter of jq for the answer of DescribeTaskDefinition
	// with its tags; what comes out is for RegisterTaskDefinition.
	JQ string `json:"jq"`
	// Findings are the ids of what it remedies.
	Findings []string `json:"findings"`
}

// Revise puts together what the remedies change in the task definition. Errors: a
// container that is not in the definition.
func Revise(definition ecstypes.TaskDefinition, remedies []Remedy) (Revision, error) {
	r := Revision{Findings: []string{}}
	before, err := document(definition)
	if err != nil {
		return r, err
	}
	after, err := document(definition)
	if err != nil {
		return r, err
	}
	filters := []string{"(.tags // []) as $tags", ".taskDefinition", "del(." + strings.Join(readOnly, ", .") + ")"}
	seen := map[string]bool{}
	for _, remedy := range remedies {
		changed := false
		for _, e := range remedy.edits {
			filter := e.jq()
			if seen[filter] {
				continue
			}
			seen[filter] = true
			was := text(after)
			if err := e.apply(after); err != nil {
				return r, err
			}
			if text(after) != was {
				filters = append(filters, filter)
				changed = true
			}
		}
		if changed {
			r.Findings = append(r.Findings, remedy.ID)
		}
	}
	if len(r.Findings) == 0 {
		return r, nil
	}
	r.JQ = strings.Join(append(filters, "if ($tags | length) > 0 then .tags = $tags else . end"), "\n| ")
	r.Diff = difference(before, after)
	return r, nil
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(out)
}

// difference is a unified diff without its two lines of file names.
func difference(before, after map[string]any) string {
	old, next := pretty(masked(before, "")), pretty(masked(after, ""))
	out := diff.Diff("now", old, "next", next)
	lines := strings.SplitAfter(string(out), "\n")
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "@@") }); i > 0 {
		lines = lines[i:]
	}
	return strings.Join(lines, "")
}

func pretty(v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil
	}
	return out.Bytes()
}

// shown are the fields whose strings cannot be secrets. All others are masked: a
// definition holds passwords in variables, labels, log options and commands.
var shown = []string{
	"name", "image", "family", "networkMode", "pidMode", "ipcMode", "protocol", "appProtocol", "sourceVolume", "containerPath", "sourceContainer",
	"containerName", "condition", "logDriver", "taskRoleArn", "executionRoleArn", "cpu", "memory", "cpuArchitecture", "operatingSystemFamily", "type",
	"requiresCompatibilities",
}

const mask = "•••"

// masked is a document whose strings are masked, but for those of the fields that are
// shown and for flags of Node.js.
func masked(v any, field string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			if k == "value" && v["name"] == nodeOptions {
				out[k] = flags(fmt.Sprint(x))
				continue
			}
			out[k] = masked(x, k)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = masked(x, field)
		}
		return out
	case string:
		switch {
		case slices.Contains(shown, field):
			return v
		case field == "command" || field == "entryPoint":
			return flags(v)
		}
		return mask
	}
	return v
}

// debugFlags begin the words that are shown of a command line.
var debugFlags = []string{"--inspect", "--debug-port", "--max-old-space-size", "--max_old_space_size", "--disable-sigusr1"}

// flags masks the words of a command line that are no flags of the debugger's.
func flags(line string) string {
	words := strings.Fields(line)
	for i, w := range words {
		if !slices.ContainsFunc(debugFlags, func(f string) bool { return strings.HasPrefix(w, f) }) {
			words[i] = mask
		}
	}
	return strings.Join(words, " ")
}
