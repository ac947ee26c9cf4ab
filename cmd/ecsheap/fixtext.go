package main

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/remedy"
)

// write prints what spares the task first, then what replaces it, and at last one new
// revision of the task definition that has all of its changes.
func (r fixed) write(u *ui, o fixOptions) error {
	w := bufio.NewWriter(u.out) // keeps the first error for Flush
	fmt.Fprintln(w, u.paintOut(bold, printable(r.target.String())))
	if len(r.remedies) == 0 {
		fmt.Fprintln(w, "nothing to fix")
		return w.Flush()
	}
	for i, m := range r.remedies {
		fmt.Fprintf(w, "\n%d. %s\n", i+1, u.paintOut(bold, printable(m.What)))
		r.writeRemedy(w, u, m)
	}
	if r.revision.Diff != "" {
		r.writeRevision(w, u)
	}
	if len(r.left) > 0 {
		fmt.Fprintf(w, "\nNot applied without a word for it:\n")
		for _, c := range r.left {
			fmt.Fprintf(w, "   %s%s: --confirm %s\n", printable(c.What), lossOf(u, c.Effect), c.Finding)
		}
	}
	if len(r.applied) > 0 {
		fmt.Fprintf(w, "\nApplied (journal %s):\n", printable(o.journal.Path))
		for _, e := range r.applied {
			fmt.Fprintf(w, "   %-6s %s: %s\n", e.Outcome, printable(e.Change.What), printable(e.Change.Before.String()+" → "+e.Change.After.String()))
		}
	}
	return w.Flush()
}

func lossOf(u *ui, e remedy.Effect) string {
	if e != remedy.Replaces {
		return ""
	}
	return " " + u.paintOut(red, remedy.Loss)
}

func (r fixed) writeRemedy(w io.Writer, u *ui, m remedy.Remedy) {
	i := slices.IndexFunc(r.findings, func(f ecs.Finding) bool { return f.ID == m.ID })
	fmt.Fprintf(w, "   %s: %s\n", m.ID, printable(r.findings[i].Got))
	switch m.Effect {
	case remedy.Live:
		fmt.Fprintf(w, "   %s\n", u.paintOut(green, "live: the task goes on"))
	case remedy.Replaces:
		fmt.Fprintf(w, "   %s\n", u.paintOut(red, remedy.Loss))
	}
	if m.How != m.What {
		writeLines(w, m.How)
	}
	if m.Undo != "" {
		fmt.Fprintf(w, "   undo: %s\n", printable(m.Undo))
	}
}

// writeLines prints lines to be copied, indented.
func writeLines(w io.Writer, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "     %s\n", printable(strings.TrimSuffix(line, "\n")))
	}
}

// writeRevision prints the change of the task definition, and the commands for it.
func (r fixed) writeRevision(w io.Writer, u *ui) {
	definition := path.Base(r.target.TaskDefinitionARN)
	fmt.Fprintf(w, "\n%s\n", u.paintOut(bold, "A new revision of "+printable(definition)+" with "+strings.Join(r.revision.Findings, ", ")))
	fmt.Fprintf(w, "   values that could be secrets are shown as •••; the commands keep them as they are\n")
	for line := range strings.Lines(r.revision.Diff) {
		color := ""
		switch line[0] {
		case '+':
			color = green
		case '-':
			color = red
		}
		fmt.Fprintf(w, "     %s\n", u.paintOut(color, printable(strings.TrimSuffix(line, "\n"))))
	}
	fmt.Fprintf(w, "   %s\n", u.paintOut(red, remedy.Loss))
	file, region := strings.ReplaceAll(definition, ":", "-"), r.target.Region()
	lines := []string{
		fmt.Sprintf("aws ecs describe-task-definition --include TAGS --task-definition %s --region %s > %s.json   (holds the values: keep it private)", definition, region, file),
		fmt.Sprintf("jq %s %s.json > %s-next.json", shellLine(strings.ReplaceAll(r.revision.JQ, "\n", " ")), file, file),
		fmt.Sprintf("aws ecs register-task-definition --cli-input-json file://%s-next.json --region %s", file, region),
	}
	if r.target.Service != "" {
		lines = append(lines, fmt.Sprintf("aws ecs update-service --cluster %s --service %s --task-definition %s --region %s", r.target.Cluster, r.target.Service, r.target.Family, region))
	}
	writeLines(w, strings.Join(lines, "\n"))
}
