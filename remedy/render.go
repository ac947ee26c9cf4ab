package remedy

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// render writes edits of a task definition as they look in the source of a tool.
func render(edits []edit, tool Tool) string {
	var lines []string
	for _, e := range edits {
		switch tool {
		case Terraform:
			lines = append(lines, e.hcl()...)
		case CloudFormation:
			lines = append(lines, e.yaml()...)
		case CDK:
			lines = append(lines, e.cdk()...)
		default:
			lines = append(lines, e.fragment())
		}
	}
	return strings.Join(slices.Compact(lines), "\n")
}

// where says of which container an edit is.
func (e edit) where() string {
	if e.container == "" {
		return "task definition"
	}
	return "container " + e.container
}

// prose says what to do where a tool has no notation for it.
func (e edit) prose() string {
	switch e.kind {
	case kindDrop:
		return fmt.Sprintf("take the entry with %s %v out of %s", e.key, e.value, strings.Join(e.path, "."))
	case kindOption:
		return fmt.Sprintf("append %s to %s (keep what is there)", e.option, nodeOptions)
	case kindSwap:
		return fmt.Sprintf("write %s instead of %s in command, entryPoint and %s", e.with, e.plain, nodeOptions)
	}
	return ""
}

// fragment is the edit in the API's JSON.
func (e edit) fragment() string {
	if text := e.prose(); text != "" {
		if e.kind == kindOption {
			return fmt.Sprintf(`{"name": %s, "value": %s}   (in environment of %s: append to what is there)`, quoted(nodeOptions), quoted(e.option), e.where())
		}
		return fmt.Sprintf("%s   (%s)", text, e.where())
	}
	value := e.value
	if e.kind == kindAdd {
		value = []any{value}
	}
	for i := len(e.path) - 1; i > 0; i-- {
		value = map[string]any{e.path[i]: value}
	}
	return fmt.Sprintf("%s: %s   (%s)", quoted(e.path[0]), quoted(value), e.where())
}

// hcl is the edit within jsonencode([…]) of aws_ecs_task_definition, whose names are
// the API's; what belongs to the definition itself has names of Terraform's own.
func (e edit) hcl() []string {
	head := "# in aws_ecs_task_definition, container_definitions = jsonencode([{ name = " + quoted(e.container) + ", … }])"
	if e.container == "" {
		return e.hclDefinition()
	}
	if text := e.prose(); text != "" {
		return []string{head, "# " + text}
	}
	value := e.value
	if e.kind == kindAdd {
		value = []any{value}
	}
	for i := len(e.path) - 1; i > 0; i-- {
		value = map[string]any{e.path[i]: value}
	}
	return append([]string{head}, fmt.Sprintf("%s = %s", e.path[0], notation(value, " = ")))
}

func (e edit) hclDefinition() []string {
	head := "# in aws_ecs_task_definition"
	if e.kind == kindAdd && e.path[0] == "volumes" {
		m, _ := e.value.(map[string]any)
		return []string{head, fmt.Sprintf("volume {\n  name = %s\n}", quoted(m["name"]))}
	}
	if text := e.prose(); text != "" {
		return []string{head, "# " + text}
	}
	return []string{head, fmt.Sprintf("%s = %s", snake(e.path[0]), notation(e.value, " = "))}
}

// snake is a name of the API as Terraform writes it.
func snake(name string) string {
	var out strings.Builder
	for _, r := range name {
		if 'A' <= r && r <= 'Z' {
			out.WriteByte('_')
			r += 'a' - 'A'
		}
		out.WriteRune(r)
	}
	return out.String()
}

// yaml is the edit in an AWS::ECS::TaskDefinition, whose names begin with capitals.
func (e edit) yaml() []string {
	lines := []string{"Type: AWS::ECS::TaskDefinition", "Properties:"}
	indent := "  "
	if e.container != "" {
		lines = append(lines, "  ContainerDefinitions:", "    - Name: "+e.container)
		indent = "      "
	}
	if text := e.prose(); text != "" {
		return append(lines, indent+"# "+text)
	}
	for i, name := range e.path {
		if i == len(e.path)-1 {
			break
		}
		lines = append(lines, indent+capital(name)+":")
		indent += "  "
	}
	last := indent + capital(e.path[len(e.path)-1]) + ":"
	if e.kind == kindAdd {
		return append(lines, last, indent+"  - "+notation(upper(e.value), ": "))
	}
	return append(lines, last+" "+notation(upper(e.value), ": "))
}

func capital(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// upper gives the keys of an object their capitals.
func upper(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for k, x := range m {
		out[capital(k)] = upper(x)
	}
	return out
}

// cdk is the edit for aws-cdk-lib/aws-ecs.
func (e edit) cdk() []string {
	text := e.prose()
	switch {
	case text == "" && len(e.path) > 1 && e.path[0] == "linuxParameters":
		text = fmt.Sprintf("linuxParameters: new ecs.LinuxParameters(this, 'Linux', { %s: %s })", e.path[1], quoted(e.value))
	case text == "" && e.path[0] == "mountPoints":
		return []string{fmt.Sprintf("container.addMountPoints(%s);", notation(e.value, ": "))}
	case text == "" && e.path[0] == "volumes":
		return []string{fmt.Sprintf("taskDefinition.addVolume(%s);", notation(e.value, ": "))}
	case text == "" && len(e.path) > 1 && e.path[0] == "healthCheck" && e.path[1] == "interval":
		text = fmt.Sprintf("healthCheck: { interval: Duration.seconds(%v), … }", e.value)
	case text == "" && len(e.path) > 1:
		text = fmt.Sprintf("%s: { %s: %s, … }", e.path[0], e.path[1], notation(e.value, ": "))
	case text == "" && e.path[0] == "memory":
		text = fmt.Sprintf("memoryLimitMiB: %v", e.value)
	case text == "":
		text = fmt.Sprintf("%s: %s", e.path[0], notation(e.value, ": "))
	default:
		text = "// " + text
	}
	return []string{"// " + e.where(), text}
}

// notation writes a value with the sign of a notation between a key and its value.
func notation(v any, is string) string {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		entries := make([]string, len(keys))
		for i, k := range keys {
			entries[i] = k + is + notation(v[k], is)
		}
		return "{ " + strings.Join(entries, ", ") + " }"
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = notation(x, is)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return quoted(v)
}
