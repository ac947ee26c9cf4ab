package remedy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// edit is one change of a task definition, in the API's JSON.
type edit struct {
	container string   // "" = the definition itself
	path      []string // of the value

	value  any    // set: the new value; add: the new element
	kind   kind   // what is done
	key    string // drop: elements whose key has the value are dropped
	option string // option: a word for NODE_OPTIONS
	word   string // swap: a regular expression (RE2 and Oniguruma alike) for a part of a word
	with   string // swap: what takes its place
	plain  string // swap: the part as a person would write it
}

type kind int

const (
	kindSet    kind = iota // a value
	kindAdd                // an element of a list
	kindDrop               // elements of a list
	kindOption             // a word of NODE_OPTIONS
	kindSwap               // a part of the words of command, entryPoint and NODE_OPTIONS
)

// nodeOptions is the variable that Node.js reads flags from.
const nodeOptions = "NODE_OPTIONS"

func set(container string, value any, path ...string) edit {
	return edit{kind: kindSet, container: container, path: path, value: value}
}

func add(container string, element any, path ...string) edit {
	return edit{kind: kindAdd, container: container, path: path, value: element}
}

func drop(container, key string, value any, path ...string) edit {
	return edit{kind: kindDrop, container: container, path: path, key: key, value: value}
}

func option(container, word string) edit {
	return edit{kind: kindOption, container: container, option: word}
}

func swap(container, word, plain, with string) edit {
	return edit{kind: kindSwap, container: container, word: word, plain: plain, with: with}
}

// apply changes a task definition, which is as encoding/json decodes it.
func (e edit) apply(definition map[string]any) error {
	at := definition
	if e.container != "" {
		containers, _ := definition["containerDefinitions"].([]any)
		i := slices.IndexFunc(containers, func(c any) bool {
			m, ok := c.(map[string]any)
			return ok && m["name"] == e.container
		})
		if i < 0 {
			return fmt.Errorf("the task definition has no container %q", e.container)
		}
		at, _ = containers[i].(map[string]any)
	}
	switch e.kind {
	case kindOption:
		e.addOption(at)
	case kindSwap:
		e.swapWords(at)
	default:
		e.change(at)
	}
	return nil
}

// change sets, adds or drops at the end of the path.
func (e edit) change(at map[string]any) {
	last := e.path[len(e.path)-1]
	for _, name := range e.path[:len(e.path)-1] {
		next, ok := at[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	list, _ := at[last].([]any)
	switch e.kind {
	case kindSet:
		at[last] = e.value
	case kindAdd:
		at[last] = append(slices.Clone(list), e.value)
	case kindDrop:
		if list == nil {
			return
		}
		at[last] = slices.DeleteFunc(slices.Clone(list), func(element any) bool {
			m, ok := element.(map[string]any)
			return ok && fmt.Sprint(m[e.key]) == fmt.Sprint(e.value)
		})
	}
}

// addOption appends a word to NODE_OPTIONS.
func (e edit) addOption(container map[string]any) {
	list, _ := container["environment"].([]any)
	value := ""
	rest := []any{}
	for _, one := range list {
		if m, ok := one.(map[string]any); ok && m["name"] == nodeOptions {
			value, _ = m["value"].(string)
			continue
		}
		rest = append(rest, one)
	}
	value = strings.TrimPrefix(value+" "+e.option, " ")
	container["environment"] = append(rest, map[string]any{"name": nodeOptions, "value": value})
}

// swapWords replaces parts of words where flags of Node.js stand.
func (e edit) swapWords(container map[string]any) {
	pattern := regexp.MustCompile(e.word)
	for _, name := range []string{"command", "entryPoint"} {
		words, ok := container[name].([]any)
		if !ok {
			continue
		}
		words = slices.Clone(words)
		for i, w := range words {
			if s, ok := w.(string); ok {
				words[i] = pattern.ReplaceAllLiteralString(s, e.with)
			}
		}
		container[name] = words
	}
	list, _ := container["environment"].([]any)
	for _, one := range list {
		if m, ok := one.(map[string]any); ok && m["name"] == nodeOptions {
			s, _ := m["value"].(string)
			m["value"] = pattern.ReplaceAllLiteralString(s, e.with)
		}
	}
}

// jq is the edit as a filter of jq.
func (e edit) jq() string {
	at := ""
	if e.container != "" {
		at = fmt.Sprintf("(.containerDefinitions[] | select(.name == %s))", quoted(e.container))
	}
	for _, name := range e.path {
		at += "." + name
	}
	switch e.kind {
	case kindAdd:
		return at + " += [" + quoted(e.value) + "]"
	case kindDrop:
		list := "." + strings.Join(e.path, ".")
		return fmt.Sprintf("%s |= (if %[2]s then %[2]s |= map(select(.%s != %s)) else . end)", strings.TrimSuffix(at, list), list, e.key, quoted(e.value))
	case kindOption:
		return fmt.Sprintf(`%s.environment |= ((. // []) | map(select(.name != %[2]s)) + [{name: %[2]s, value: (((map(select(.name == %[2]s).value) | first) // "") + " " + %[3]s | ltrimstr(" "))}])`,
			at, quoted(nodeOptions), quoted(e.option))
	case kindSwap:
		words := fmt.Sprintf("gsub(%s; %s)", quoted(e.word), quoted(e.with))
		return fmt.Sprintf(`%s |= ((if .command then .command |= map(%[2]s) else . end) | (if .entryPoint then .entryPoint |= map(%[2]s) else . end) | (if .environment then .environment |= map(if .name == %[3]s then .value |= %[2]s else . end) else . end))`,
			at, words, quoted(nodeOptions))
	}
	return at + " = " + quoted(e.value)
}

// quoted is a value as JSON, which jq and HCL read, too. What is quoted here always
// can be.
func quoted(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(text)
}
