package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

const (
	// oracleHeapMB is the least heap of Chrome's worker, and oracleHeapTimes
	// what it needs for a byte of the files: the file's text, the snapshot made of
	// it, and the strings that are kept of the nodes for the CSV.
	oracleHeapMB    = 4096
	oracleHeapTimes = 8

	// exitNoWorker is the exit code with which oracle.mjs says that the worker
	// is not installed.
	exitNoWorker = 3
)

// oracle is what Chrome says of a series, see scripts/devtools/oracle.mjs.
type oracle struct {
	Snapshots []oracleSnapshot
	Diffs     []oracleDiff
	Between   []oracleBetween

	dir    string
	series []string
}

type oracleSnapshot struct {
	Nodes      int   `json:"nodes"`
	Edges      int   `json:"edges"`
	TotalSize  int64 `json:"totalSize"`
	Statistics struct {
		Total  int64 `json:"total"`
		Native struct {
			Total       int64 `json:"total"`
			TypedArrays int64 `json:"typedArrays"`
		} `json:"native"`
		V8Heap struct {
			Total    int64 `json:"total"`
			Code     int64 `json:"code"`
			JSArrays int64 `json:"jsArrays"`
			Strings  int64 `json:"strings"`
			System   int64 `json:"system"`
		} `json:"v8heap"`
	} `json:"statistics"`

	Classes    []oracleClass     `json:"-"`
	Duplicates []oracleDuplicate `json:"-"`
	Paths      []oraclePath      `json:"-"`
}

type oracleClass struct {
	classRow
	Location *struct {
		Line   int `json:"line"`
		Column int `json:"column"`
	} `json:"location"`
}

type oracleDuplicate struct {
	Value        string `json:"value"`
	Count        int    `json:"count"`
	ShallowSize  int64  `json:"shallowSize"`
	RetainedSize int64  `json:"retainedSize"`
}

// oraclePath is a chain of retainers: all of them in Length, in Steps those up to
// where it meets an earlier one.
type oraclePath struct {
	ID     heap.ID      `json:"id"`
	Length int          `json:"length"`
	Steps  []oracleStep `json:"-"`
}

type oracleStep struct {
	Type string  `json:"type"`
	Name string  `json:"name"`
	ID   heap.ID `json:"id"`
}

type oracleDiff struct {
	Base  int       `json:"base"`
	Later int       `json:"later"`
	Rows  []diffRow `json:"-"`
}

type oracleBetween struct {
	From    int           `json:"from"`
	To      int           `json:"to"`
	In      int           `json:"in"`
	Classes []oracleClass `json:"-"`
}

// text is a row with the place of the class, of which Chrome knows no script name.
func (c oracleClass) text() string {
	if c.Location == nil {
		return fmt.Sprintf("%+v", c.classRow)
	}
	return fmt.Sprintf("%+v at :%d:%d", c.classRow, c.Location.Line+1, c.Location.Column+1)
}

// askChrome runs Chrome's worker over a series.
func askChrome(t *testing.T, series []string) *oracle {
	t.Helper()
	o := &oracle{dir: t.TempDir(), series: series}
	args := []string{fmt.Sprintf("--max-old-space-size=%d", oracleHeap(t, series)), "../scripts/devtools/oracle.mjs", "--out=" + o.dir}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), nodetest.Require(t, ""), append(args, series...)...)
	cmd.Stderr = &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == exitNoWorker {
		nodetest.Missing(t, "the DevTools worker is not installed", "run scripts/devtools.sh")
	}
	if err != nil {
		t.Fatalf("asking Chrome: %v: %s", err, stderr.String())
	}
	file, err := os.Open(filepath.Join(o.dir, "oracle.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := o.read(file); err != nil || len(o.Snapshots) != len(series) {
		t.Fatalf("reading what Chrome says of %d snapshots: %d, %v", len(series), len(o.Snapshots), err)
	}
	return o
}

// oracleHeap returns the heap that the worker needs for a series, in MB.
func oracleHeap(t *testing.T, series []string) int64 {
	t.Helper()
	var size int64
	for _, file := range series {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	return max(oracleHeapMB, oracleHeapTimes*size>>20)
}

// oracleLine is a line of what Chrome says: one of these.
type oracleLine struct {
	Snapshot  *oracleSnapshot  `json:"snapshot"`
	Class     *oracleClass     `json:"class"`
	Duplicate *oracleDuplicate `json:"duplicate"`
	Path      *oraclePath      `json:"path"`
	Step      *oracleStep      `json:"step"`
	Diff      *oracleDiff      `json:"diff"`
	Row       *diffRow         `json:"row"`
	Between   *oracleBetween   `json:"between"`
	End       bool             `json:"end"`
}

// read reads what Chrome says, line by line: of big snapshots, that is more
// than the snapshot itself.
func (o *oracle) read(r io.Reader) error {
	decoder := json.NewDecoder(r)
	for n := 1; ; n++ {
		var line oracleLine
		if err := decoder.Decode(&line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if line.End {
			return nil
		}
		if !o.add(line) {
			return fmt.Errorf("line %d stands where it belongs to nothing", n)
		}
	}
}

// add adds a line to what stands before it, and reports whether it could.
func (o *oracle) add(line oracleLine) bool {
	switch {
	case line.Snapshot != nil:
		o.Snapshots = append(o.Snapshots, *line.Snapshot)
		return true
	case line.Diff != nil:
		o.Diffs = append(o.Diffs, *line.Diff)
		return true
	case line.Between != nil:
		o.Between = append(o.Between, *line.Between)
		return true
	case line.Row != nil && len(o.Diffs) > 0:
		diff := &o.Diffs[len(o.Diffs)-1]
		diff.Rows = append(diff.Rows, *line.Row)
		return true
	case line.Class != nil && len(o.Between) > 0:
		between := &o.Between[len(o.Between)-1]
		between.Classes = append(between.Classes, *line.Class)
		return true
	}
	return len(o.Snapshots) > 0 && o.Snapshots[len(o.Snapshots)-1].add(line)
}

func (s *oracleSnapshot) add(line oracleLine) bool {
	switch {
	case line.Class != nil:
		s.Classes = append(s.Classes, *line.Class)
	case line.Duplicate != nil:
		s.Duplicates = append(s.Duplicates, *line.Duplicate)
	case line.Path != nil:
		s.Paths = append(s.Paths, *line.Path)
	case line.Step != nil && len(s.Paths) > 0:
		path := &s.Paths[len(s.Paths)-1]
		path.Steps = append(path.Steps, *line.Step)
	default:
		return false
	}
	return true
}

func TestOracleRead(t *testing.T) {
	const all = `{"snapshot":{"nodes":3}}
{"class":{"class":"A","count":1,"location":{"line":4,"column":5}}}
{"duplicate":{"value":"twice","count":2}}
{"path":{"id":7,"length":9}}
{"step":{"type":"property","name":"x","id":5}}
{"step":{"type":"internal","name":"y","id":3}}
{"path":{"id":8,"length":0}}
{"snapshot":{"nodes":4}}
{"diff":{"base":1,"later":2}}
{"row":{"class":"B","newCount":1}}
{"between":{"from":1,"to":2,"in":2}}
{"class":{"class":"C","count":6}}
`
	var o oracle
	if err := o.read(strings.NewReader(all + `{"end":true}`)); err != nil {
		t.Fatal(err)
	}
	if len(o.Snapshots) != 2 || len(o.Diffs) != 1 || len(o.Between) != 1 {
		t.Fatalf("read %+v", o)
	}
	s := o.Snapshots[0]
	if len(s.Classes) != 1 || s.Classes[0].Location == nil || len(s.Duplicates) != 1 || len(s.Paths) != 2 || len(s.Paths[0].Steps) != 2 {
		t.Errorf("read %+v", s)
	}
	if len(o.Diffs[0].Rows) != 1 || len(o.Between[0].Classes) != 1 || o.Between[0].Classes[0].Count != 6 {
		t.Errorf("read %+v, %+v", o.Diffs, o.Between)
	}
	for name, text := range map[string]string{
		"cut off": all, "a step of no path": `{"snapshot":{}}{"step":{}}{"end":true}`, "a class of nothing": `{"class":{}}`,
		"a row of no diff": `{"snapshot":{}}{"row":{}}`, "nothing known": `{"snapshot":{}}{"other":{}}{"end":true}`, "no JSON": `{"snapshot":`,
	} {
		if err := new(oracle).read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
