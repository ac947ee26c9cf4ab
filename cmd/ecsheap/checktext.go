package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/ecsheap/ecsheap/ecs"
)

// levels from the worst to the best, and how they look.
var levels = []struct {
	level       ecs.Level
	word, color string
}{
	{ecs.Block, "BLOCK", red}, {ecs.Danger, "DANGER", red}, {ecs.Warn, "WARN", yellow}, {ecs.Info, "info", ""}, {ecs.OK, "ok", green},
}

// The columns of a finding: its level, its id, what is, and under that its fix.
const (
	levelColumn = 8  // columns of the level, two of indent included
	idColumn    = 18 // of the id: the one that is longer, cluster.exec-logging, is only information
)

// lostHeap is what a fix that replaces the task is told with.
const lostHeap = "REPLACES THE TASKS: this heap is lost"

// fixLine is the fix of a finding in one line of talk.
func fixLine(f ecs.Finding) string {
	if f.Replaces() {
		return fmt.Sprintf("%s (%s)", f.Fix, lostHeap)
	}
	return f.Fix
}

// write prints the answer first, then the worst findings with their fixes, then what
// was not asked. What is fine, or only good to know, is a number unless it is verbose.
func (r checked) write(u *ui, verbose bool) error {
	w := bufio.NewWriter(u.out) // keeps the first error for Flush
	word, text, color := r.answer()
	fmt.Fprintf(w, "%s\n%s%s\n", u.paintOut(bold, printable(r.target.String())), u.paintOut(color, word), printable(text))
	ready, folded := ecs.Ready(r.findings), map[ecs.Level]int{}
	for _, l := range levels {
		for _, f := range r.findings {
			switch {
			case f.Level != l.level:
			case verbose || shown(f, ready):
				r.writeFinding(w, u, l.word, l.color, f)
			case len(f.Needs) == 0 || !f.Unknown:
				folded[f.Level]++
			}
		}
	}
	for _, line := range r.rest(folded) {
		fmt.Fprintf(w, "  %s\n", printable(line))
	}
	return w.Flush()
}

// shown tells whether a finding is worth a line of its own: something is wrong, or can
// be done, and nothing that blocks has to be done first.
func shown(f ecs.Finding, ready bool) bool {
	switch f.Level {
	case ecs.OK:
		return false
	case ecs.Info:
		return ready && f.Fix != ""
	}
	return true
}

func (r checked) writeFinding(w *bufio.Writer, u *ui, word, color string, f ecs.Finding) {
	findingLines{word: word, color: color, finding: f, fix: fixText(r.iac, f), label: "fix"}.write(w, u)
}

// findingLines are a finding, who has it, and its fix.
type findingLines struct {
	word, color string
	finding     ecs.Finding
	on          string // the tasks, "" for the only one
	label, fix  string
}

func (l findingLines) write(w *bufio.Writer, u *ui) {
	f := l.finding
	fmt.Fprintf(w, "  %s%s%-*s %s\n", u.paintOut(l.color, l.word), strings.Repeat(" ", max(levelColumn-len(l.word), 1)), idColumn, f.ID, printable(f.Got))
	if l.on != "" {
		fmt.Fprintf(w, "%*son %s\n", 2+levelColumn, "", printable(l.on))
	}
	if f.Level == ecs.OK || l.fix == "" {
		return
	}
	label := printable(l.label)
	if f.Replaces() {
		label += ", " + u.paintOut(yellow, lostHeap)
	}
	first, more, several := strings.Cut(l.fix, "\n")
	if several { // of a template: all of it below, as it is to be copied
		first, more = "", l.fix
	}
	fmt.Fprintf(w, "%*s%s\n", 2+levelColumn, "", strings.TrimSuffix(label+": "+printable(first), " "))
	for line := range strings.Lines(more) {
		fmt.Fprintf(w, "%*s%s\n", 4+levelColumn, "", printable(strings.TrimSuffix(line, "\n")))
	}
}

// answer is whether a capture can work, and the one reason that counts.
func (r checked) answer() (word, text, color string) {
	count := map[ecs.Level]int{}
	worst := ecs.Finding{}
	for i := len(levels) - 1; i >= 0; i-- {
		for _, f := range r.findings {
			if f.Level == levels[i].level {
				if count[f.Level] == 0 {
					worst = f
				}
				count[f.Level]++
			}
		}
	}
	reason := fmt.Sprintf("%s (%s)", worst.Got, worst.ID)
	switch worst.Level {
	case ecs.Block:
		text = ": " + reason
		if n := count[ecs.Block]; n > 1 {
			text = fmt.Sprintf(", %s: %s", plural(n, "blocker"), reason)
		}
		return "NOT READY", text, red
	case ecs.Danger:
		return "READY", ", but dangerous: " + reason + unanswered(r.findings), yellow
	case ecs.Warn:
		return "READY", fmt.Sprintf(", with %s", plural(count[ecs.Warn], "warning")) + unanswered(r.findings), green
	}
	return "READY", ": nothing stands in the way" + unanswered(r.findings), green
}

// unanswered tells how many checks could not tell whether something blocks, as then what is
// ready may not be: "" if all could.
func unanswered(findings []ecs.Finding) string {
	blocks := map[string]bool{}
	for _, r := range ecs.Rules() {
		blocks[r.ID] = r.Worst == ecs.Block
	}
	ids := map[string]bool{}
	for _, f := range findings {
		if f.Unknown && blocks[f.ID] && f.Fix == "" { // else it has a line of its own
			ids[f.ID] = true
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s could not tell", plural(len(ids), "check"))
}

// rest is what is told at the end: what is folded, what was skipped, and the calls.
func (r checked) rest(folded map[ecs.Level]int) []string {
	var lines, parts []string
	if n := folded[ecs.OK]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d ok", n))
	}
	if n := folded[ecs.Info]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d for information", n))
	}
	calls := plural(r.called(), "call") + " to AWS"
	if len(parts) > 0 {
		lines = append(lines, strings.Join(parts, ", ")+" (--verbose lists them); "+calls)
	} else {
		lines = append(lines, calls)
	}
	if needs := r.skipped(); len(needs) > 0 {
		lines = append(lines, "skipped, as you lack: "+strings.Join(needs, ", "), "`ecsheap policy operator-preflight` prints what check asks for")
	}
	return lines
}
