package main

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/ecsheap/ecsheap/ecs"
)

const (
	// maxGroupsOfID is how often one finding is told in other words: what differs
	// between hundreds of tasks is in the JSON.
	maxGroupsOfID = 3

	// maxTasksNamed keeps the tasks of a finding in one line.
	maxTasksNamed = 6
)

// unclearWord stands where a level does, for tasks that were not checked.
const unclearWord = "UNCLEAR"

// write is as that of checked: the answer first, then what blocks. What tasks have alike
// is told once, with the tasks.
func (r checkedAll) write(u *ui, groups []*findingGroup, verbose bool) error {
	w := bufio.NewWriter(u.out) // keeps the first error for Flush
	word, text, color := r.answer(groups)
	fmt.Fprintf(w, "%s\n%s%s\n", u.paintOut(bold, printable(r.title())), u.paintOut(color, word), printable(text))
	names := r.taskNames()
	ready, told, left := r.blocked() == 0, map[string]int{}, map[string]int{}
	folded := map[ecs.Level]map[string]bool{}
	said := false
	for _, g := range groups {
		f, kind := g.finding, string(g.finding.Level)+g.finding.ID
		if f.Level != ecs.Block && !said { // worse than what may go wrong
			r.writeUnclear(w, u, names)
			said = true
		}
		switch {
		case !verbose && !shown(f, ready):
			if len(f.Needs) == 0 || !f.Unknown {
				if folded[f.Level] == nil {
					folded[f.Level] = map[string]bool{}
				}
				folded[f.Level][f.ID] = true
			}
		case !verbose && told[kind] == maxGroupsOfID:
			left[f.ID] += len(g.tasks)
		default:
			told[kind]++
			r.writeGroup(w, u, g, names)
		}
	}
	if !said {
		r.writeUnclear(w, u, names)
	}
	counts := map[ecs.Level]int{}
	for level, ids := range folded {
		counts[level] = len(ids)
	}
	for _, line := range slices.Concat(leftOver(left), r.together().rest(counts)) {
		fmt.Fprintf(w, "  %s\n", printable(line))
	}
	return w.Flush()
}

// leftOver tells what is told of too few tasks each to be read.
func leftOver(left map[string]int) []string {
	var lines []string
	for _, rule := range ecs.Rules() {
		if n := left[rule.ID]; n > 0 {
			lines = append(lines, fmt.Sprintf("and more of %s on %s (--verbose lists them)", rule.ID, plural(n, "task")))
		}
	}
	return lines
}

func (r checkedAll) writeGroup(w *bufio.Writer, u *ui, g *findingGroup, names []string) {
	l := levels[rank(g.finding.Level)]
	label := "fix"
	if g.each {
		label = "fix, here for " + names[g.tasks[0]]
	}
	findingLines{word: l.word, color: l.color, finding: g.finding, on: r.onTasks(g.tasks, names), label: label, fix: g.fix}.write(w, u)
}

// writeUnclear tells of the tasks that were not checked.
func (r checkedAll) writeUnclear(w *bufio.Writer, u *ui, names []string) {
	var order []string
	by := map[string][]int{}
	for i, t := range r.unclear {
		text := anonymous(t.Err.Error()+"\x00"+hintOf(t.Err), t.Target)
		if by[text] == nil {
			order = append(order, text)
		}
		by[text] = append(by[text], len(r.checks)+i)
	}
	for _, text := range order {
		got, fix, _ := strings.Cut(text, "\x00")
		if only := by[text]; len(only) == 1 {
			got = r.unclear[only[0]-len(r.checks)].Err.Error()
		}
		findingLines{
			word: unclearWord, color: yellow, finding: ecs.Finding{ID: "container", Level: ecs.Info, Got: "not checked: " + got, Live: true},
			on: r.onTasks(by[text], names), label: "fix", fix: fix,
		}.write(w, u)
	}
}

// title says what was checked.
func (r checkedAll) title() string {
	services := map[string]bool{}
	of := ""
	for _, t := range r.targets() {
		of = t.Cluster
		services[t.Service+"/"+t.Family] = true
	}
	if r.name != "" {
		return fmt.Sprintf("%s/%s in %s: %s", of, r.name, r.region, plural(r.total(), "task"))
	}
	return fmt.Sprintf("%s in %s: %s of %s", of, r.region, plural(r.total(), "task"), plural(len(services), "service"))
}

// targets are all tasks: the checked ones, then the others.
func (r checkedAll) targets() []ecs.Target {
	var all []ecs.Target
	for _, c := range r.checks {
		all = append(all, c.target)
	}
	for _, t := range r.unclear {
		all = append(all, t.Target)
	}
	return all
}

// taskNames are short and tell all of targets apart.
func (r checkedAll) taskNames() []string {
	targets := r.targets()
	tasks := make([]ecs.Task, len(targets))
	for i, t := range targets {
		tasks[i].Target = t
	}
	return shortIDs(tasks)
}

// group is what a task is named after beside its own id.
func group(t ecs.Target) string {
	if t.Service == "" {
		return t.Family
	}
	return t.Service
}

// onTasks says which tasks: all of them, all of a service, or each by its name.
func (r checkedAll) onTasks(which []int, names []string) string {
	if len(which) == r.total() {
		return ofTasks(len(which), r.total())
	}
	targets := r.targets()
	total, have := map[string]int{}, map[string]int{}
	for _, t := range targets {
		total[group(t)]++
	}
	for _, i := range which {
		have[group(targets[i])]++
	}
	var said []string
	left := 0
	done := map[string]bool{}
	for _, i := range which {
		of := group(targets[i])
		name := names[i]
		whole := len(total) > 1 && have[of] == total[of] && total[of] > 1
		switch {
		case whole && done[of]:
			continue
		case whole:
			name = fmt.Sprintf("all %d of %s", total[of], of)
		case len(total) > 1:
			name = of + "/" + name
		}
		done[of] = true
		if len(said) == maxTasksNamed {
			if left++; whole {
				left += total[of] - 1
			}
			continue
		}
		said = append(said, name)
	}
	text := strings.Join(said, ", ")
	if left > 0 {
		text += fmt.Sprintf(" and %d more", left)
	}
	return fmt.Sprintf("%s: %s", ofTasks(len(which), r.total()), text)
}

// answer is how many tasks are ready, and the one reason that counts.
func (r checkedAll) answer(groups []*findingGroup) (word, text, color string) {
	blocked, total := r.blocked(), r.total()
	ready := len(r.checks) - blocked
	worst, reason, warnings := ecs.OK, "", map[string]bool{}
	for i, g := range groups {
		if i == 0 { // they begin with the worst
			worst, reason = g.finding.Level, fmt.Sprintf("%s (%s)", g.finding.Got, g.finding.ID)
			if worst == ecs.Danger && len(g.tasks) < total {
				reason += " on " + ofTasks(len(g.tasks), total)
			}
		}
		if g.finding.Level == ecs.Warn {
			warnings[g.finding.ID] = true
		}
	}
	others := ""
	if ready > 0 && ready < total {
		others = fmt.Sprintf(", %d ready", ready)
	}
	if n := len(r.unclear); n > 0 && blocked > 0 {
		others += fmt.Sprintf(", %d not checked", n)
	}
	unknown := unanswered(r.together().findings)
	switch {
	case blocked > 0:
		return "NOT READY", ": " + ofTasks(blocked, total) + others + ": " + reason, red
	case len(r.unclear) > 0:
		return "NOT CHECKED", ": " + ofTasks(len(r.unclear), total) + others, yellow
	case worst == ecs.Danger:
		return "READY", ": " + ofTasks(total, total) + ", but dangerous: " + reason + unknown, yellow
	case worst == ecs.Warn:
		return "READY", ": " + ofTasks(total, total) + ", with " + plural(len(warnings), "warning") + unknown, green
	}
	return "READY", ": " + ofTasks(total, total) + ", nothing stands in the way" + unknown, green
}
