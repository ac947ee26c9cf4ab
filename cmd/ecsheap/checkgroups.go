package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ecsheap/ecsheap/ecs"
)

// findingGroup is a finding that several tasks have alike.
type findingGroup struct {
	finding ecs.Finding // as the first of them has it, but for Got, which holds for all
	fix     string      // for the first of them
	each    bool        // the fix of each is another
	tasks   []int       // of the checks, ascending
	texts   []string    // Got of each, without what names the task
}

// groups puts the findings of all tasks together that say the same but for figures and
// names, the worst first, then those that most tasks have.
func (r checkedAll) groups() []*findingGroup {
	by := map[string]*findingGroup{}
	var all []*findingGroup
	for i, c := range r.checks {
		for _, f := range c.findings {
			fix := fixText(r.iac, f)
			got := anonymous(f.Got, c.target)
			key := strings.Join([]string{f.ID, string(f.Level), lostIf(f), likeness(got, c.target), likeness(anonymous(fix, c.target), c.target)}, "\x00")
			g := by[key]
			if g == nil {
				g = &findingGroup{finding: f, fix: fix}
				by[key] = g
				all = append(all, g)
			}
			g.each = g.each || g.fix != fix
			g.tasks, g.texts = append(g.tasks, i), append(g.texts, got)
		}
	}
	order := map[string]int{}
	for i, rule := range ecs.Rules() {
		order[rule.ID] = i
	}
	for _, g := range all {
		if len(g.tasks) > 1 {
			g.finding.Got = spread(g.texts)
		}
	}
	slices.SortStableFunc(all, func(a, b *findingGroup) int {
		return cmp.Or(rank(a.finding.Level)-rank(b.finding.Level), len(b.tasks)-len(a.tasks), order[a.finding.ID]-order[b.finding.ID])
	})
	return all
}

// rank is 0 for the worst level.
func rank(level ecs.Level) int {
	for i, l := range levels {
		if l.level == level {
			return i
		}
	}
	return len(levels)
}

// lostIf tells fixes apart that cost the heap from those that do not.
func lostIf(f ecs.Finding) string {
	if f.Replaces() {
		return lostHeap
	}
	return ""
}

// anonymous takes the names out of a text that are the task's alone.
func anonymous(text string, t ecs.Target) string {
	for _, name := range []struct{ of, is string }{{t.TaskARN, "<task>"}, {t.RuntimeID, "<runtime id>"}, {t.TaskID(), "<task>"}} {
		if name.of != "" {
			text = strings.ReplaceAll(text, name.of, name.is)
		}
	}
	return text
}

// likeness is what texts have in common that differ in figures and in the names of
// service, family and container alone.
func likeness(text string, t ecs.Target) string {
	words := strings.Fields(text)
	for i, word := range words {
		switch name := strings.Trim(word, ",.:;()"); {
		case name == "":
		case name == t.Service, name == t.Family, name == t.Container:
			words[i] = "<name>"
		}
	}
	var b strings.Builder
	for part := range figures(strings.Join(words, " ")) {
		if isDigit(part[0]) {
			part = "#"
		}
		b.WriteString(part)
	}
	return b.String()
}

// figures cuts a text into runs of digits and what stands between them. A time is one
// figure: the hours of one and the minutes of another make none.
func figures(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for from := 0; from < len(text); {
			end := from + 1
			if isTime(text[from:]) {
				end = from + len(timeLayout)
			}
			for end < len(text) && isDigit(text[end]) == isDigit(text[from]) && !isTime(text[from:end]) {
				end++
			}
			if !yield(text[from:end]) {
				return
			}
			from = end
		}
	}
}

// timeLayout is how findings write a time: of equal length, so that they sort as text.
const timeLayout = "2006-01-02T15:04:05Z"

// isTime tells whether a text begins with a time.
func isTime(text string) bool {
	if len(text) < len(timeLayout) || !isDigit(text[0]) {
		return false
	}
	_, err := time.Parse(timeLayout, text[:len(timeLayout)])
	return err == nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// spread is one text for several that are alike: where only figures differ it has the
// least and the most, and where names do it is the first.
func spread(texts []string) string {
	var least, most []string
	for n, text := range texts {
		parts := slices.Collect(figures(text))
		if n == 0 {
			least, most = parts, slices.Clone(parts)
			continue
		}
		for i, part := range parts {
			switch {
			case i >= len(least) || len(parts) != len(least) || !isDigit(part[0]) && part != least[i]:
				return texts[0] + ", or alike"
			case !isDigit(part[0]):
			case figureLess(part, least[i]):
				least[i] = part
			case figureLess(most[i], part):
				most[i] = part
			}
		}
	}
	var b strings.Builder
	for i := range least {
		b.WriteString(least[i])
		if most[i] != least[i] {
			b.WriteString("–" + most[i])
		}
	}
	return b.String()
}

// figureLess compares numbers of any length.
func figureLess(a, b string) bool {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) < 0
}
