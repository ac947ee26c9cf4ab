package e2e

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// maxDifferences is how many differences of a kind are printed: the first
	// ones tell what is wrong, all would fill the screen.
	maxDifferences = 6

	// maxDifference is how many bytes of one are: names and paths can be long,
	// and what differs is at the end.
	maxDifference = 400
)

// classRow and diffRow are what both sides print.
type classRow struct {
	Class        string `json:"class"`
	Count        int    `json:"count"`
	ShallowSize  int64  `json:"shallowSize"`
	RetainedSize int64  `json:"retainedSize"`
	Distance     int    `json:"distance"`
}

type diffRow struct {
	Class        string `json:"class"`
	NewCount     int    `json:"newCount"`
	DeletedCount int    `json:"deletedCount"`
	CountDelta   int    `json:"countDelta"`
	AllocSize    int64  `json:"allocSize"`
	FreedSize    int64  `json:"freedSize"`
	SizeDelta    int64  `json:"sizeDelta"`
}

// ourClass is a row of `ecsheap summary`.
type ourClass struct {
	classRow
	Location string `json:"location"`
}

func (c ourClass) text() string {
	if c.Location == "" {
		return fmt.Sprintf("%+v", c.classRow)
	}
	parts := strings.Split(c.Location, ":")
	if len(parts) < 3 {
		return fmt.Sprintf("%+v at %q", c.classRow, c.Location)
	}
	return fmt.Sprintf("%+v at :%s", c.classRow, strings.Join(parts[len(parts)-2:], ":"))
}

// ask runs the program on snapshots and decodes its JSON.
func ask(t *testing.T, out any, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stderr = &stderr
	data, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		t.Fatalf("ecsheap %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
}

// compareNodes compares every node with `ecsheap export`.
func (o *oracle) compareNodes(t *testing.T, i int) {
	t.Helper()
	file, err := os.Open(filepath.Join(o.dir, fmt.Sprintf("%d.csv", i+1)))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.CommandContext(t.Context(), program, "export", o.series[i])
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	differences, rows := compareCSV(csv.NewReader(file), csv.NewReader(out))
	if err := cmd.Wait(); err != nil {
		t.Errorf("snapshot %d: export: %v", i+1, err)
	}
	showDifferences(t, fmt.Sprintf("snapshot %d: nodes", i+1), differences)
	if want := o.Snapshots[i].Nodes; rows != want {
		t.Errorf("snapshot %d: compared %d nodes of %d", i+1, rows, want)
	}
}

// compareCSV compares the columns that ours has. It stops reading when either
// ends, or at a row that is no CSV.
func compareCSV(chrome, ours *csv.Reader) (differences []string, rows int) {
	chrome.ReuseRecord, ours.ReuseRecord = true, true
	header, err := ours.Read()
	if err != nil {
		return []string{"no header: " + err.Error()}, 0
	}
	header = append([]string(nil), header...)
	theirs, err := chrome.Read()
	if err != nil || len(theirs) < len(header) || strings.Join(theirs[:len(header)], ",") != strings.Join(header, ",") {
		return []string{fmt.Sprintf("columns %q, Chrome's are %q, %v", header, theirs, err)}, 0
	}
	for ; ; rows++ {
		want, wantErr := chrome.Read()
		got, err := ours.Read()
		if wantErr == io.EOF && err == io.EOF {
			return differences, rows
		}
		if wantErr != nil || err != nil {
			return append(differences, fmt.Sprintf("row %d: Chrome's: %v, ours: %v", rows, wantErr, err)), rows
		}
		for j, name := range header {
			if want[j] != got[j] {
				differences = append(differences, fmt.Sprintf("node %s (id %s, %s %.40q): %s: Chrome %.200q, ours %.200q", want[0], want[1], want[2], want[4], name, want[j], got[j]))
			}
		}
	}
}

// compareSummary compares totals, statistics and every class with `ecsheap summary`.
func (o *oracle) compareSummary(t *testing.T, i int) {
	t.Helper()
	want := o.Snapshots[i]
	var got struct {
		Nodes     int        `json:"nodes"`
		Edges     int        `json:"edges"`
		TotalSize int64      `json:"totalSize"`
		Classes   []ourClass `json:"classes"`
	}
	ask(t, &got, "summary", "--output", "json", o.series[i])
	if got.Nodes != want.Nodes || got.Edges != want.Edges || got.TotalSize != want.TotalSize {
		t.Errorf("snapshot %d: %d nodes, %d edges, %d bytes, Chrome has %d, %d, %d", i+1, got.Nodes, got.Edges, got.TotalSize, want.Nodes, want.Edges, want.TotalSize)
	}
	compareRows(t, fmt.Sprintf("snapshot %d: classes", i+1), rows(want.Classes, oracleClass.text), rows(got.Classes, ourClass.text))
}

// compareAnswers compares what only the package answers in bulk: statistics,
// duplicate strings, paths to the root.
func (o *oracle) compareAnswers(t *testing.T, i int) {
	t.Helper()
	file, err := os.Open(o.series[i])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s, err := heap.Parse(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := o.Snapshots[i]
	st := want.Statistics
	wantStatistics := heap.Statistics{
		Total: st.Total, V8Heap: st.V8Heap.Total, Code: st.V8Heap.Code, Arrays: st.V8Heap.JSArrays, Strings: st.V8Heap.Strings,
		System: st.V8Heap.System, Native: st.Native.Total, TypedArrays: st.Native.TypedArrays,
	}
	if got := s.Statistics(); got != wantStatistics {
		t.Errorf("snapshot %d: statistics %+v, Chrome has %+v", i+1, got, wantStatistics)
	}
	var theirs, ours []string
	for _, d := range want.Duplicates {
		theirs = append(theirs, fmt.Sprintf("%q %d times, %d, %d bytes", d.Value, d.Count, d.ShallowSize, d.RetainedSize))
	}
	for _, d := range s.DuplicateStrings() {
		ours = append(ours, fmt.Sprintf("%q %d times, %d, %d bytes", valid(d.Value), len(d.Nodes), d.Shallow, d.Retained))
	}
	compareRows(t, fmt.Sprintf("snapshot %d: duplicate strings", i+1), theirs, ours)
	comparePaths(t, i, want.Paths, s)
}

// comparePaths compares chains of retainers. Chrome's end where they meet an
// earlier one, which has been compared by then.
func comparePaths(t *testing.T, i int, chrome []oraclePath, s *heap.Snapshot) {
	t.Helper()
	var theirs, ours []string
	for _, p := range chrome {
		length, steps := pathSteps(s, p.ID, len(p.Steps))
		theirs = append(theirs, fmt.Sprintf("%d <- %d: %v", p.ID, p.Length, p.Steps))
		ours = append(ours, fmt.Sprintf("%d <- %d: %v", p.ID, length, steps))
	}
	compareRows(t, fmt.Sprintf("snapshot %d: paths", i+1), theirs, ours)
}

// pathSteps returns how long the path is, and its first steps.
func pathSteps(s *heap.Snapshot, id heap.ID, first int) (length int, steps []oracleStep) {
	n, ok := s.Find(id)
	if !ok {
		return 0, []oracleStep{{Type: "no such node"}}
	}
	path := s.PathToRoot(n)
	for _, step := range path[:min(first, len(path))] {
		for ref := range s.Out(step.Node) {
			if ref.Edge == step.Edge {
				steps = append(steps, oracleStep{Type: ref.Type.String(), Name: valid(s.EdgeName(step.Edge)), ID: s.ID(step.Node)})
				break
			}
		}
	}
	return len(path), steps
}

// compareDiffs compares every pair with `ecsheap diff`.
func (o *oracle) compareDiffs(t *testing.T) {
	t.Helper()
	for _, d := range o.Diffs {
		var got struct {
			Rows []diffRow `json:"rows"`
		}
		ask(t, &got, "diff", "--output", "json", o.series[d.Base-1], o.series[d.Later-1])
		text := func(r diffRow) string { return fmt.Sprintf("%+v", r) }
		compareRows(t, fmt.Sprintf("diff of %d and %d", d.Base, d.Later), rows(d.Rows, text), rows(got.Rows, text))
	}
}

// compareBetween compares with `ecsheap summary --between`.
func (o *oracle) compareBetween(t *testing.T) {
	t.Helper()
	for _, b := range o.Between {
		var got struct {
			Classes []ourClass `json:"classes"`
		}
		ask(t, &got, "summary", "--output", "json", "--between", o.series[b.From-1]+","+o.series[b.To-1], o.series[b.In-1])
		compareRows(t, fmt.Sprintf("allocated between %d and %d, in %d", b.From, b.To, b.In), rows(b.Classes, oracleClass.text), rows(got.Classes, ourClass.text))
	}
}

// compareRows compares lists in which the order means nothing.
func compareRows(t *testing.T, what string, chrome, ours []string) {
	t.Helper()
	left := map[string]int{}
	for _, row := range ours {
		left[row]++
	}
	var differences []string
	for _, row := range chrome {
		if left[row]--; left[row] < 0 {
			differences = append(differences, row+" (Chrome alone)")
		}
	}
	for _, row := range ours {
		if left[row] > 0 {
			left[row]--
			differences = append(differences, row+" (ours alone)")
		}
	}
	slices.Sort(differences) // which brings the two sides of a row together
	showDifferences(t, what, differences)
}

// showDifferences prints the first ones.
func showDifferences(t *testing.T, what string, differences []string) {
	t.Helper()
	if len(differences) == 0 {
		return
	}
	var b strings.Builder
	for _, d := range differences[:min(len(differences), maxDifferences)] {
		if len(d) > maxDifference {
			d = d[:maxDifference/2] + " … " + d[len(d)-maxDifference/2:]
		}
		fmt.Fprintf(&b, "\n  %s", d)
	}
	t.Errorf("%s: %d differences:%s", what, len(differences), b.String())
}

// valid puts U+FFFD in the place of each lone surrogate, as JSON does in Go.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 && len(s) >= 3 && s[0] == 0xed {
			size = 3
		}
		b.WriteRune(r)
		s = s[size:]
	}
	return b.String()
}

func TestCompareCSVSeesDifferences(t *testing.T) {
	const header = "ordinal,id,type,class,name,shallow,retained,distance,dominator_id,detachedness"
	row := func(n, name string) string { return n + ",1,object,A," + name + ",8,16,1,1,0" }
	tests := []struct {
		name, chrome, ours string
		rows, differences  int
	}{
		{"same", header + ",raw_name\n" + row("0", "a") + ",a\n", header + "\n" + row("0", "\"a\"") + "\n", 1, 0},
		{"field", header + "\n" + row("0", "a") + "\n", header + "\n" + row("0", "b") + "\n", 1, 1},
		{"missing row", header + "\n" + row("0", "a") + "\n" + row("1", "a") + "\n", header + "\n" + row("0", "a") + "\n", 1, 1},
		{"extra row", header + "\n", header + "\n" + row("0", "a") + "\n", 0, 1},
		{"columns", header + "\n", "ordinal,name\n", 0, 1},
		{"nothing", header + "\n", "", 0, 1},
	}
	for _, tt := range tests {
		differences, rows := compareCSV(csv.NewReader(strings.NewReader(tt.chrome)), csv.NewReader(strings.NewReader(tt.ours)))
		if rows != tt.rows || len(differences) != tt.differences {
			t.Errorf("%s: %d rows, differences %q", tt.name, rows, differences)
		}
	}
}
